package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// display is how an operation is shown while it goes on.
type display interface {
	show(*typev1.OperationMetadata)
	// away says that nobody answers, and that the asking goes on.
	away()
	end()
}

// noAnswer is what is said then.
const noAnswer = "Stampworks does not answer; asking again …"

// live redraws the rows in place. A line that wrapped would spoil the count
// of lines to go up, so lines are cut at the terminal's width.
type live struct {
	out   io.Writer
	drawn int
	last  []string
}

func (l *live) show(op *typev1.OperationMetadata) {
	now := time.Now()
	lines := append(Lines(op, now), waiting(op, now)...)
	if len(lines) == 0 {
		lines = []string{word(op) + " …"}
	}
	l.last = lines
	l.draw(lines)
}

func (l *live) away() { l.draw(append(l.last[:len(l.last):len(l.last)], noAnswer)) }

// draw puts lines in the place of those that were drawn before.
func (l *live) draw(lines []string) {
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
