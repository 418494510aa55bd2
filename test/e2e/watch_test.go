//go:build e2e

package e2e

import (
	"net/http"
	"testing"

	"stampworks.dev/test/e2e/harness"
)

// TestWatchOverREST: whoever follows the tenants misses none, over either form,
// and is told to list again when what it missed is no longer known.
func TestWatchOverREST(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.API.Create("before", harness.Wish("Before", "helpdesk-lite"))
	for _, form := range []string{harness.EventStream, harness.Lines} {
		t.Run(form, func(t *testing.T) { resumes(t, d.on(t), form) })
	}
	t.Run("forgotten", func(t *testing.T) { listAgain(t, d.on(t)) })
}

// resumes breaks a watch off and takes it up again.
func resumes(t *testing.T, d door, form string) {
	suffix := map[string]string{harness.EventStream: "sse", harness.Lines: "ndjson"}[form]
	watch := d.API.Watch(form, "")
	seen := watch.Until(func(e harness.Event) bool { return e.Type == "SYNCED" })
	if !has(seen, "PUT", "tenants/before") {
		t.Errorf("the watch begins without what was there: %v", seen)
	}
	d.API.Create("first-"+suffix, harness.Wish("First", "helpdesk-lite"))
	last := watch.Until(func(e harness.Event) bool { return e.Type == "PUT" && e.Tenant == "tenants/first-"+suffix })
	watch.Close()
	d.API.Create("second-"+suffix, harness.Wish("Second", "helpdesk-lite"))

	watch = d.API.Watch(form, last[len(last)-1].Revision)
	defer watch.Close()
	missed := watch.Until(func(e harness.Event) bool { return e.Type == "PUT" && e.Tenant == "tenants/second-"+suffix })
	if has(missed, "PUT", "tenants/first-"+suffix) || has(missed, "PUT", "tenants/before") {
		t.Errorf("what was seen is sent again: %v", missed)
	}
	d.API.Create("third-"+suffix, harness.Wish("Third", "helpdesk-lite"))
	watch.Until(func(e harness.Event) bool { return e.Type == "PUT" && e.Tenant == "tenants/third-"+suffix })
	t.Logf("evidence: resumed after %s, missed nothing, saw nothing twice: %v", last[len(last)-1].Revision, missed)
}

// listAgain resumes from before a compaction.
func listAgain(t *testing.T, d door) {
	watch := d.API.Watch(harness.EventStream, "")
	watch.Until(func(e harness.Event) bool { return e.Type == "SYNCED" })
	watch.Close()
	d.API.Create("last", harness.Wish("Last", "helpdesk-lite"))
	// A registry that started later knows nothing from before the compaction.
	d.Etcd.Compact()
	d.Services["tenant-registry"].Stop()
	d.Start("tenant-registry")
	d.AwaitReady("tenant-registry")
	answer := d.API.Send(http.MethodGet, "/v1/tenants:watch?after_revision=1", nil, harness.Header{"Accept", harness.EventStream})
	p := d.API.Problem(answer)
	if answer.Status != http.StatusGone || p.Reason != "REVISION_COMPACTED" {
		t.Errorf("a forgotten revision is answered %d %s", answer.Status, answer.Body)
	}
	t.Logf("evidence: %d %s: %s", answer.Status, p.Reason, p.Detail)
	again := d.API.Watch(harness.EventStream, "")
	defer again.Close()
	if seen := again.Until(func(e harness.Event) bool { return e.Type == "SYNCED" }); !has(seen, "PUT", "tenants/last") {
		t.Errorf("the new list lacks the last tenant: %v", seen)
	}
}

func has(events []harness.Event, kind, tenant string) bool {
	for _, e := range events {
		if e.Type == kind && e.Tenant == tenant {
			return true
		}
	}
	return false
}
