package progress

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// quiet is how long nothing is written before a sign of life is.
const quiet = 30 * time.Second

// plain writes a line when a step begins and when it ends, what holds it up, and
// after a quiet while what it is at.
type plain struct {
	out  io.Writer
	now  func() time.Time
	told map[string]typev1.Step_State
	// held is what was last said to hold it up, and said when anything was.
	held string
	said time.Time
}

func newPlain(out io.Writer) *plain {
	return &plain{out: out, now: time.Now, told: map[string]typev1.Step_State{}, said: time.Now()}
}

func (p *plain) end() {}

func (p *plain) show(op *typev1.OperationMetadata) {
	now := p.now()
	lines := append(p.hindrance(op, now), p.steps(op)...)
	if len(lines) == 0 && now.Sub(p.said) >= quiet && op.GetEndTime() == nil {
		lines = []string{fmt.Sprintf("%6s  %s …", Seconds(Elapsed(op, now)), doing(op))}
	}
	for _, line := range lines {
		p.said = now
		fmt.Fprintln(p.out, line)
	}
}

// farOff is after every next attempt.
var farOff = time.Unix(1<<40, 0)

// away says once that nobody answers.
func (p *plain) away() {
	if p.held != noAnswer {
		p.held = noAnswer
		fmt.Fprintln(p.out, noAnswer)
	}
}

// hindrance is what holds it up, when that is news. How soon a failed attempt is made
// again is no news by itself.
func (p *plain) hindrance(op *typev1.OperationMetadata, now time.Time) []string {
	lines := waiting(op, now)
	news := strings.Join(waiting(op, farOff), "\n")
	if news == p.held {
		return nil
	}
	p.held = news
	return lines
}

// steps are a line for each step that began or ended since the last time.
func (p *plain) steps(op *typev1.OperationMetadata) []string {
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
	var texts []string
	for _, l := range lines {
		texts = append(texts, fmt.Sprintf("%6s  %s", Seconds(max(l.at, 0)), l.text))
	}
	return texts
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
