package progress

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

const (
	// barWidth is in characters.
	barWidth = 14
	// shortest is the least time that a bar spans while it grows, so that the
	// first steps do not jump about.
	shortest = 2 * time.Second
	// noticeable is the least time that is worth a word.
	noticeable = 100 * time.Millisecond
)

// Lines draws the rows of an operation, each in one line:
//
//	db      ██████░░░░░░░░  1.9s  setup 1.0s · ready 0.4s
//
// The row of the whole stamp is drawn only while something in it takes time,
// or failed.
func Lines(op *typev1.OperationMetadata, now time.Time) []string {
	rows := Rows(op, now)
	span := Elapsed(op, now)
	if op.GetEndTime() == nil {
		span = max(span, shortest)
	}
	width := 6
	for _, r := range rows {
		width = max(width, utf8.RuneCountInString(r.Name))
	}
	var lines []string
	for _, r := range rows {
		if r.Name == Whole && !r.telling() {
			continue
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%-*s  %s %5s  %s", width, r.Name, r.Bar(span, barWidth), r.took(), r.Words()), " "))
	}
	return lines
}

// telling says whether the row has anything that a reader wants to know.
func (r Row) telling() bool {
	return r.State == typev1.Step_FAILED || r.Words() != ""
}

func (r Row) took() string {
	if len(r.Parts) == 0 {
		return ""
	}
	return Seconds(r.Took())
}

// Bar draws the row's steps on a span of time.
func (r Row) Bar(span time.Duration, width int) string {
	cells := []rune(strings.Repeat("░", width))
	for _, p := range r.Parts {
		first := cell(p.Start, span, width)
		last := max(cell(p.End-1, span, width), first)
		for i := first; i <= last; i++ {
			cells[i] = '█'
		}
	}
	return string(cells)
}

func cell(at, span time.Duration, width int) int {
	if span <= 0 || at < 0 {
		return 0
	}
	return min(int(int64(at)*int64(width)/int64(span)), width-1)
}

// Words are the parts that took noticeable time, and what goes on now:
// "setup 1.0s · ready 0.4s", "migrate 0.6s …". A start is no news.
func (r Row) Words() string {
	var words []string
	for _, p := range r.Parts {
		switch {
		case p.State == typev1.Step_FAILED:
			words = append(words, p.Action+" failed")
		case p.State == typev1.Step_RUNNING && p.Took() >= noticeable:
			words = append(words, p.Action+" "+Seconds(p.Took())+" …")
		case p.Took() >= noticeable && (p.Action != "ready" || len(r.Parts) > 2):
			words = append(words, p.Action+" "+Seconds(p.Took()))
		}
	}
	if r.Trouble != "" {
		words = append(words, r.Trouble)
	}
	return strings.Join(words, " · ")
}

// Seconds writes a duration as people say it: "0.4s", "1m12s".
func Seconds(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
