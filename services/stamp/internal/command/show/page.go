package show

import (
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/progress"
	"stampworks.dev/services/stamp/internal/wait"
)

// page is the screen, section by section; an empty section is left out.
func (e *everything) page(now time.Time, s sheet) []string {
	lines := e.head(now, s)
	timeline, hang := e.history(now)
	for _, section := range []struct {
		title string
		lines []string
		hang  int
	}{
		{"Components", e.components(now), 2},
		{e.operationTitle(now), e.steps(now), 2},
		{"Failure", e.failure(), 2},
		{"Obstacles", e.obstacles(now), 4},
		{"Changed by hand or broken", e.drift(now), 2},
		{"Isolation", s.wrap(e.isolation()), 2},
		{"Timeline", timeline, hang},
	} {
		if len(section.lines) == 0 {
			continue
		}
		lines = append(lines, "", section.title)
		for _, line := range section.lines {
			lines = append(lines, s.fold("  "+line, 2+section.hang)...)
		}
	}
	return lines
}

func (e *everything) operationTitle(now time.Time) string {
	took := progress.Seconds(progress.Elapsed(e.meta, now))
	title := fmt.Sprintf("Last operation  %s  %s %s, %s", names.Short(e.operation.GetName()), e.meta.GetKind(), e.meta.GetState(), took)
	if e.meta.GetProgress() != "" && !e.operation.GetDone() {
		title += ", " + e.meta.GetProgress()
	}
	if e.meta.GetTraceId() != "" {
		title += "  trace " + e.meta.GetTraceId()
	}
	return title
}

func (e *everything) steps(now time.Time) []string {
	if e.operation == nil {
		return nil
	}
	if lines := progress.Lines(e.meta, now); len(lines) > 0 {
		return lines
	}
	return []string{"no step has begun"}
}

func (e *everything) failure() []string {
	f := e.tenant.GetStatus().GetFailure()
	if f == nil && e.meta.GetState() != typev1.OperationMetadata_SUCCEEDED {
		f = e.meta.GetFailure()
	}
	if f == nil {
		return nil
	}
	return wait.Explain(f)
}

func (e *everything) obstacles(now time.Time) []string {
	all := e.tenant.GetStatus().GetObstacles()
	if len(all) == 0 {
		all = e.meta.GetObstacles()
	}
	var lines []string
	for _, o := range all {
		lines = append(lines, fmt.Sprintf("%s for %s: %s", o.GetCode(), printer.Age(o.GetSince(), now), o.GetMessage()))
		if o.GetNextAction() != "" {
			lines = append(lines, "  next: "+o.GetNextAction())
		}
	}
	return lines
}

// drift is what differs between the ledger and the world.
func (e *everything) drift(now time.Time) []string {
	var rows [][]string
	for _, d := range e.stamp.GetDrift() {
		of := d.GetComponent()
		if of == "" {
			of = "(all of it)"
		}
		rows = append(rows, []string{of, d.GetKind().String(), "for " + printer.Age(d.GetSince(), now), d.GetMessage()})
	}
	return printer.Align("", rows)
}

// isolation names the means of each kind; what has none is said aloud.
func (e *everything) isolation() []string {
	var parts []string
	kinds := e.stamp.GetIsolation()
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		parts = append(parts, kind+": "+kinds[kind])
	}
	return parts
}

// history is what happened, and where the column of sentences begins.
func (e *everything) history(now time.Time) (lines []string, hang int) {
	var rows [][]string
	for i, entry := range e.timeline.GetTimelineEntries() {
		if i == entries {
			break
		}
		rows = append(rows, []string{printer.Age(entry.GetCreateTime(), now), entry.GetAction(), entry.GetPrincipal(), entry.GetMessage()})
	}
	lines = printer.Align("", rows)
	for i, row := range rows {
		hang = max(hang, utf8.RuneCountInString(lines[i])-utf8.RuneCountInString(printer.Safe(row[3])))
	}
	return lines, hang
}
