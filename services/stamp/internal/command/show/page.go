package show

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/progress"
	"stampworks.dev/services/stamp/internal/wait"
)

// usual is how wide the screen is taken to be where nobody can tell.
const usual = 100

// sheet is what is written on: a terminal of a width, or, with width 0, a
// file or a pipe, where a long line stays one.
type sheet struct{ width int }

// fits is how wide a line is laid out.
func (s sheet) fits() int {
	if s.width == 0 {
		return usual
	}
	return s.width
}

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

// head is who it is and how it is, then the facts.
func (e *everything) head(now time.Time, s sheet) []string {
	t := e.tenant
	id := names.Short(t.GetName())
	name := id
	if t.GetDisplayName() != "" && t.GetDisplayName() != id {
		name = t.GetDisplayName() + " (" + id + ")"
	}
	state := t.GetState().String()
	if e.health != nil {
		state += " · " + e.health.GetState().String()
	}
	name = printer.Safe(name)
	gap := max(s.fits()-utf8.RuneCountInString(name)-utf8.RuneCountInString(state), 2)
	lines := []string{name + strings.Repeat(" ", gap) + state}
	if summary := e.health.GetSummary(); summary != "" {
		lines = append(lines, s.fold("  "+printer.Safe(summary), 2)...)
	}
	for _, fact := range []struct {
		title string
		parts []string
	}{
		{"URL", []string{t.GetStatus().GetUrl()}},
		{"Product", e.product()},
		{"Deal", deal(t.GetDeal())},
		{"Contact", []string{contact(t.GetContact())}},
		{"Inputs", inputs(t)},
		{"Wish", e.wish(now)},
		{"Backups", e.saved(now)},
	} {
		for i, line := range s.wrap(fact.parts) {
			if i > 0 {
				fact.title = ""
			}
			lines = append(lines, s.fold(fmt.Sprintf("  %-9s %s", fact.title, line), beside)...)
		}
	}
	return lines
}

// product is what runs; when another revision is wished for, that too.
func (e *everything) product() []string {
	t := e.tenant
	running := t.GetStatus().GetRevision()
	words := names.Short(running)
	switch {
	case running == "":
		words = names.Short(t.GetBlueprint())
	case running != t.GetBlueprint():
		words += ", wished " + names.Short(t.GetBlueprint())
	}
	return []string{words, prefixed("plan ", t.GetPlan()), prefixed("cell ", names.Short(t.GetStatus().GetCell())), prefixed("region ", t.GetRegion())}
}

func (e *everything) wish(now time.Time) []string {
	t := e.tenant
	parts := []string{
		fmt.Sprintf("generation %d", t.GetGeneration()),
		"created " + printer.Age(t.GetCreateTime(), now) + " ago", "changed " + printer.Age(t.GetUpdateTime(), now) + " ago",
	}
	switch {
	case t.GetSuspended() && t.GetSuspendReason() != "":
		parts = append(parts, "suspended: "+t.GetSuspendReason())
	case t.GetSuspended():
		parts = append(parts, "suspended")
	}
	if h := t.GetHold(); h != nil {
		parts = append(parts, fmt.Sprintf("held by %s until %s: %s", h.GetOwner(), h.GetExpireTime().AsTime().Format(time.RFC3339), h.GetReason()))
	}
	if o := t.GetOverrides(); o != nil {
		parts = append(parts, fmt.Sprintf("overrides by %s until %s: %s", o.GetOwner(), o.GetExpireTime().AsTime().Format(time.RFC3339), o.GetReason()))
	}
	if w := t.GetMaintenanceWindow(); w != nil {
		parts = append(parts, fmt.Sprintf("maintenance at %q UTC for %s", w.GetSchedule(), w.GetDuration().AsDuration()))
	}
	if t.GetDriftPolicy() == registryv1.Tenant_SHOW {
		parts = append(parts, "changes by hand are only shown")
	}
	if t.GetDeletionProtection() {
		parts = append(parts, "protected from deletion")
	}
	if t.GetDeleteTime() != nil {
		parts = append(parts, "deleted "+printer.Age(t.GetDeleteTime(), now)+" ago")
	}
	return parts
}

// saved is how many backups there are, and the newest.
func (e *everything) saved(now time.Time) []string {
	all := e.backups.GetBackups()
	if len(all) == 0 {
		return nil
	}
	many, newest := fmt.Sprint(len(all)), all[0]
	if e.backups.GetNextPageToken() != "" {
		many += " and more"
	}
	_, id, _ := strings.Cut(names.Short(newest.GetName()), "/")
	return []string{many, "newest " + id + " " + printer.Age(newest.GetCreateTime(), now) + " ago", printer.Amount("size_bytes", newest.GetSizeBytes()), names.Short(newest.GetRevision())}
}

func deal(d *registryv1.Deal) []string {
	return []string{
		printer.Money(d.GetAmount(), d.GetCurrency()), d.GetId(), prefixed("sold by ", d.GetOwner()), prefixed("from ", names.Short(d.GetSource())), d.GetUrl(),
	}
}

func contact(c *registryv1.Contact) string {
	if c.GetEmail() == "" {
		return c.GetDisplayName()
	}
	return strings.TrimSpace(c.GetDisplayName() + " <" + c.GetEmail() + ">")
}

func inputs(t *registryv1.Tenant) []string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(t.GetInputs())) {
		parts = append(parts, fmt.Sprintf("%s=%v", key, t.GetInputs()[key].AsInterface()))
	}
	return parts
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

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// fold breaks a line that is wider than the terminal at its spaces; what goes
// on below hangs that far in. A word that is too wide stays whole: it may be
// copied.
func (s sheet) fold(line string, hang int) []string {
	if s.width == 0 {
		return []string{line}
	}
	var lines []string
	for {
		runes := []rune(line)
		at := len(runes)
		if at > s.width {
			at = breakAt(runes, s.width, hang)
		}
		if at == len(runes) {
			return append(lines, line)
		}
		lines = append(lines, strings.TrimRight(string(runes[:at]), " "))
		line = strings.Repeat(" ", hang) + strings.TrimLeft(string(runes[at:]), " ")
	}
}

// breakAt is the last space that still fits, or else the next one.
func breakAt(line []rune, width, hang int) int {
	for at := width; at > hang; at-- {
		if line[at] == ' ' {
			return at
		}
	}
	for at := max(width, hang); at < len(line); at++ {
		if line[at] == ' ' {
			return at
		}
	}
	return len(line)
}

// beside is how wide a title is, with the space after it.
const beside = 12

// wrap joins those parts that are not empty into lines that fit beside a title.
func (s sheet) wrap(parts []string) []string {
	var lines []string
	for _, p := range parts {
		if p = printer.Safe(p); p == "" {
			continue
		}
		last := len(lines) - 1
		if last >= 0 && utf8.RuneCountInString(lines[last])+utf8.RuneCountInString(p)+len(" · ")+beside <= s.fits() {
			lines[last] += " · " + p
			continue
		}
		lines = append(lines, p)
	}
	return lines
}

// running says whether a component does what it is meant to.
func running(c *provisionerv1.ComponentStatus) string {
	switch {
	case c.GetRunning():
		return "yes"
	case c.GetWanted():
		return "NO"
	}
	return "no"
}
