package tenant

import (
	"fmt"
	"strings"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/printer"
)

// signs are how each action looks.
var signs = map[typev1.ComponentPreview_Action]string{
	typev1.ComponentPreview_CREATE:  "+",
	typev1.ComponentPreview_CHANGE:  "~",
	typev1.ComponentPreview_RESTART: "↻",
	typev1.ComponentPreview_REMOVE:  "-",
	typev1.ComponentPreview_STOP:    "■",
}

func printPreview(p *printer.Printer, preview *typev1.Preview) error {
	if !p.ForPeople() {
		return p.Message(preview)
	}
	for _, line := range previewLines(preview, p.Format == printer.Wide) {
		if _, err := fmt.Fprintln(p.Out, line); err != nil {
			return err
		}
	}
	return nil
}

// previewLines is a preview for people; wide has the steps as well.
func previewLines(p *typev1.Preview, wide bool) []string {
	var lines []string
	var rows [][]string
	for _, c := range p.GetComponents() {
		rows = append(rows, []string{c.GetName(), what(c)})
	}
	for i, row := range printer.Align("", rows) {
		c := p.GetComponents()[i]
		sign := signs[c.GetAction()]
		if sign == "" {
			sign = " "
		}
		lines = append(lines, sign+" "+row)
		for _, f := range c.GetFields() {
			lines = append(lines, fieldLines(f)...)
		}
	}
	if wide {
		lines = append(lines, stepLines(p.GetSteps())...)
	}
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	lines = append(lines, printer.Safe(p.GetSummary()))
	for _, o := range p.GetObstacles() {
		lines = append(lines, obstacleLines(o)...)
	}
	return lines
}

func obstacleLines(o *typev1.Obstacle) []string {
	return []string{"! " + o.GetCode() + ": " + printer.Safe(o.GetMessage()), "    " + printer.Safe(o.GetNextAction())}
}

// what says what is done with a component, and why: "restart: app migrates".
func what(c *typev1.ComponentPreview) string {
	said := strings.ToLower(c.GetAction().String())
	var why []string
	if len(c.GetJobs()) > 0 {
		why = append(why, "runs "+strings.Join(c.GetJobs(), ", "))
	}
	if c.GetReason() != "" {
		why = append(why, c.GetReason())
	}
	if len(why) > 0 {
		said += ": " + strings.Join(why, "; ")
	}
	return said
}

// longest is how long a field's line may be: of longer values only the words
// that differ are shown, and when that is still too much they go below it.
const longest = 100

func fieldLines(f *typev1.FieldChange) []string {
	before, after := value(f.GetBefore()), value(f.GetAfter())
	fits := func() bool { return len(f.GetPath())+len(before)+len(after) < longest }
	if !fits() {
		before, after = differing(before, after)
	}
	if fits() {
		return []string{"    " + printer.Safe(f.GetPath()) + ": " + before + " → " + after}
	}
	return []string{"    " + printer.Safe(f.GetPath()) + ":", "      " + before, "    → " + after}
}

// value is a value in one line; a text of several is told by its size.
func value(text string) string {
	if text == "" {
		return "(not set)"
	}
	if n := strings.Count(strings.TrimRight(text, "\n"), "\n"); n > 0 {
		return fmt.Sprintf("(%d lines, %d bytes)", n+1, len(text))
	}
	if digest, ok := strings.CutPrefix(text, "sha256:"); ok && len(digest) == 64 {
		return "sha256:" + digest[:12] + "…"
	}
	return printer.Safe(strings.TrimRight(text, "\n"))
}

// differing leaves out the words that two texts begin and end with, but for one
// on each side.
func differing(a, b string) (string, string) {
	x, y := strings.Fields(a), strings.Fields(b)
	begin, end := 0, 0
	for begin < min(len(x), len(y)) && x[begin] == y[begin] {
		begin++
	}
	for end < min(len(x), len(y))-begin && x[len(x)-1-end] == y[len(y)-1-end] {
		end++
	}
	cut := func(words []string) string {
		from, to := max(begin-1, 0), min(len(words)-end+1, len(words))
		said := strings.Join(words[from:to], " ")
		if from > 0 {
			said = "… " + said
		}
		if to < len(words) {
			said += " …"
		}
		return said
	}
	return cut(x), cut(y)
}

func stepLines(steps []*typev1.StepPreview) []string {
	if len(steps) == 0 {
		return nil
	}
	rows := [][]string{{"STEP", "AFTER"}}
	for _, s := range steps {
		rows = append(rows, []string{s.GetId(), strings.Join(s.GetAfter(), ", ")})
	}
	return append([]string{""}, printer.Align("  ", rows)...)
}
