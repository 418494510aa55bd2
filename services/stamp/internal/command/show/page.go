package show

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

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
	if e.timeline.GetNextPageToken() != "" {
		timeline = append(timeline, "what is older: stamp tenant timeline "+names.Short(e.tenant.GetName()))
	}
	for _, section := range []struct {
		title string
		lines []string
		hang  int
	}{
		{"Components", e.components(now), 2},
		{title("Last operation", e.operation, e.meta, now), e.steps(now), 2},
		{"Last change", e.lastChange(now), 2},
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

// title is what an operation is, and how far.
func title(what string, op *longrunningpb.Operation, meta *typev1.OperationMetadata, now time.Time) string {
	took := progress.Seconds(progress.Elapsed(meta, now))
	title := fmt.Sprintf("%s  %s  %s %s, %s", what, names.Short(op.GetName()), meta.GetKind(), meta.GetState(), took)
	if meta.GetProgress() != "" && !op.GetDone() {
		title += ", " + meta.GetProgress()
	}
	if meta.GetTraceId() != "" {
		title += "  trace " + meta.GetTraceId()
	}
	return title
}

// lastChange is the operation of the present generation, where the last one is
// work beside it.
func (e *everything) lastChange(now time.Time) []string {
	if !e.errand() {
		return nil
	}
	return []string{strings.TrimSpace(title("", e.change, e.changeMeta, now)) + "  " + printer.Age(e.changeMeta.GetCreateTime(), now) + " ago"}
}

func (e *everything) steps(now time.Time) []string {
	if e.operation == nil {
		return nil
	}
	lines := progress.Lines(e.meta, now)
	if len(lines) == 0 && !e.operation.GetDone() {
		lines = []string{"no step has begun"}
	}
	for _, o := range e.meta.GetObstacles() {
		if e.errand() { // those of the change are a section of their own
			lines = append(lines, fmt.Sprintf("waits: %s (%s)", o.GetMessage(), o.GetCode()))
		}
	}
	if e.errand() && e.meta.GetFailure() != nil && e.meta.GetState() != typev1.OperationMetadata_SUCCEEDED {
		lines = append(lines, wait.Explain(e.meta.GetFailure())...)
	}
	if len(lines) == 0 {
		lines = []string{"no step was needed"}
	}
	return lines
}

func (e *everything) failure() []string {
	f := e.tenant.GetStatus().GetFailure()
	if f == nil && e.changeMeta.GetState() != typev1.OperationMetadata_SUCCEEDED {
		f = e.changeMeta.GetFailure()
	}
	if f == nil {
		return nil
	}
	return wait.Explain(f)
}

func (e *everything) obstacles(now time.Time) []string {
	all := e.tenant.GetStatus().GetObstacles()
	if len(all) == 0 {
		all = e.changeMeta.GetObstacles()
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
