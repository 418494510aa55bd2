package progress

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// display is how an operation is shown while it goes on.
type display interface {
	show(*typev1.OperationMetadata)
	end()
}

// live redraws the rows in place. A line that wrapped would spoil the count
// of lines to go up, so lines are cut at the terminal's width.
type live struct {
	out   io.Writer
	drawn int
}

func (l *live) show(op *typev1.OperationMetadata) {
	lines := Lines(op, time.Now())
	if len(lines) == 0 {
		lines = []string{waiting(op)}
	}
	width := columns(l.out)
	var b strings.Builder
	if l.drawn == 0 {
		b.WriteString("\x1b[?25l") // the cursor would flicker
	} else {
		fmt.Fprintf(&b, "\x1b[%dA", l.drawn)
	}
	for _, line := range lines {
		b.WriteString("\x1b[2K" + cut("  "+line, width) + "\n")
	}
	b.WriteString("\x1b[J")
	l.drawn = len(lines)
	_, _ = io.WriteString(l.out, b.String())
}

func (l *live) end() { _, _ = io.WriteString(l.out, "\x1b[?25h") }

// waiting says what holds up an operation that has no steps.
func waiting(op *typev1.OperationMetadata) string {
	for _, o := range op.GetObstacles() {
		return "waiting: " + o.GetMessage()
	}
	return strings.ToLower(cmp.Or(op.GetState(), typev1.OperationMetadata_QUEUED).String()) + " …"
}

func columns(out io.Writer) int {
	if file, ok := out.(*os.File); ok {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 100
}

func cut(line string, width int) string {
	runes := []rune(line)
	if len(runes) <= width {
		return line
	}
	return string(runes[:width-1]) + "…"
}

// plain writes a line when a step begins and when it ends.
type plain struct {
	out     io.Writer
	told    map[string]typev1.Step_State
	blocked string
}

func (p *plain) end() {}

func (p *plain) show(op *typev1.OperationMetadata) {
	for _, o := range op.GetObstacles() {
		if p.blocked != o.GetMessage() {
			p.blocked = o.GetMessage()
			fmt.Fprintf(p.out, "waiting: %s\n", p.blocked)
		}
	}
	began := Began(op)
	type line struct {
		at   time.Duration
		text string
	}
	var lines []line
	for _, s := range op.GetSteps() {
		key := s.GetId() + "@" + s.GetStartTime().AsTime().String()
		told := p.told[key]
		if s.GetStartTime() == nil || told == s.GetState() {
			continue
		}
		p.told[key] = s.GetState()
		if told == typev1.Step_STATE_UNSPECIFIED {
			lines = append(lines, line{s.GetStartTime().AsTime().Sub(began), s.GetId() + " begins"})
		}
		if s.GetEndTime() != nil {
			lines = append(lines, line{s.GetEndTime().AsTime().Sub(began), ended(s)})
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	for _, l := range lines {
		fmt.Fprintf(p.out, "%6s  %s\n", Seconds(max(l.at, 0)), l.text)
	}
}

func ended(s *typev1.Step) string {
	took := Seconds(s.GetEndTime().AsTime().Sub(s.GetStartTime().AsTime()))
	switch {
	case s.GetState() == typev1.Step_FAILED:
		return s.GetId() + " failed after " + took + ": " + s.GetMessage()
	case s.GetMessage() != "":
		return s.GetId() + " done in " + took + ": " + s.GetMessage()
	}
	return s.GetId() + " done in " + took
}
