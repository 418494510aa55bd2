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
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
)

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
		parts = append(parts, "deleted "+printer.Age(t.GetDeleteTime(), now)+" ago", purging(t))
	}
	return parts
}

// purging is when a deleted tenant's data goes. A hold may put it off.
func purging(t *registryv1.Tenant) string {
	switch {
	case t.GetPurging():
		return "being purged"
	case t.GetPurgeTime() != nil:
		return "to be purged " + t.GetPurgeTime().AsTime().Format(time.RFC3339)
	}
	return ""
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
	return []string{many, "newest " + id + " " + printer.Age(newest.GetCreateTime(), now) + " ago", printer.Amount("size_bytes", newest.GetSizeBytes()), names.Short(newest.GetRevision()), tried(newest, now)}
}

// tried is what came of a backup's trial; empty when there was none.
func tried(b *provisionerv1.Backup, now time.Time) string {
	switch f := b.GetVerifyFailure(); {
	case f != nil:
		return "did not pass its trial: " + f.GetCode().String()
	case b.GetVerifyTime() != nil:
		return "verified " + printer.Age(b.GetVerifyTime(), now) + " ago"
	}
	return ""
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

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}
