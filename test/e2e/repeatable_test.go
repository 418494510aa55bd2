//go:build e2e

package e2e

import (
	"net/http"
	"sync"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/test/e2e/harness"
)

// TestRepeatableCreates: whatever is sent twice, by a retry, by two people at
// once or by a CRM that lost the answer, exists once.
func TestRepeatableCreates(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	t.Run("one key from ten callers at once", func(t *testing.T) { oneKey(t, d.on(t)) })
	t.Run("a tenant that may be missing", func(t *testing.T) { allowMissing(t, d.on(t)) })
	t.Run("a revision", func(t *testing.T) { revisionAgain(t, d.on(t)) })
	t.Run("a source", func(t *testing.T) { sourceAgain(t, d.on(t)) })
	t.Run("a deal", func(t *testing.T) { dealAgain(t, d.on(t)) })
	t.Run("a deal whose tenant id is taken", func(t *testing.T) { dealWithTakenID(t, d.on(t)) })
}

func oneKey(t *testing.T, d door) {
	key := harness.Header{"Idempotency-Key", "order-4711"}
	names := make([]string, 10)
	var all sync.WaitGroup
	for i := range names {
		all.Go(func() {
			var op longrunningpb.Operation
			if err := d.API.Call(http.MethodPost, "/v1/tenants", harness.Wish("Once Only", "helpdesk-lite"), &op, key); err != nil {
				t.Error(err)
			}
			names[i] = op.GetName()
		})
	}
	all.Wait()
	for _, name := range names {
		if name != "operations/once-only.1" {
			t.Errorf("a caller was given %q: %q", name, names)
		}
	}
	wantTenants(t, d, "display_name=\"Once Only\"", 1)
	t.Logf("evidence: %d callers, one key, %s for all", len(names), names[0])
}

func allowMissing(t *testing.T, d door) {
	wish := harness.Wish("Maybe Missing", "helpdesk-lite")
	for range 2 {
		d.API.Must(d.API.Call(http.MethodPatch, "/v1/tenants/maybe?allow_missing=true", wish, nil))
	}
	tenant, err := d.API.Tenant("maybe")
	d.API.Must(err)
	if tenant.GetGeneration() != 1 {
		t.Errorf("the same wish twice is generation %d", tenant.GetGeneration())
	}
}

func revisionAgain(t *testing.T, d door) {
	first, second := d.API.Publish("helpdesk-lite", "1.0.0"), d.API.Publish("helpdesk-lite", "1.0.0")
	if first.GetUid() != second.GetUid() || first.GetUid() == "" {
		t.Errorf("published twice: %s and %s", first.GetUid(), second.GetUid())
	}
	changed := &registryv1.Revision{Source: first.GetSource() + "\n# something else\n"}
	changed.Source = replaceOnce(t, changed.GetSource(), "default: 25", "default: 26")
	body, err := marshal(changed)
	d.API.Must(err)
	answer := d.API.Send(http.MethodPost, "/v1/blueprints/helpdesk-lite/revisions", body)
	if p := d.API.Problem(answer); answer.Status != http.StatusConflict {
		t.Errorf("other content under the same id is answered %d %s", answer.Status, p.Reason)
	}
}

func sourceAgain(t *testing.T, d door) {
	create := func() (*registryv1.Source, error) {
		var made registryv1.Source
		return &made, d.API.Call(http.MethodPost, "/v1/sources?source_id=twice",
			&registryv1.Source{Kind: registryv1.Source_STANDARD, DisplayName: "Twice"}, &made, harness.Header{"Idempotency-Key", "source-1"})
	}
	first, err := create()
	d.API.Must(err)
	second, err := create()
	d.API.Must(err)
	if first.GetUid() != second.GetUid() || first.GetMode() != registryv1.Source_DRY_RUN {
		t.Errorf("made twice: %v and %v", first, second)
	}
	var read registryv1.Source
	d.API.Must(d.API.Read("/v1/sources/twice", &read))
	if read.GetSecret() != "" || read.GetGeneratedSecret() != "" {
		t.Error("a secret can be read back")
	}
}

func dealAgain(t *testing.T, d door) {
	deal := harness.Deal{Company: "Globex", Blueprint: "helpdesk-lite"}
	first := d.crm.Delivery(d.crm.Won(deal))
	again := d.crm.Delivery(d.crm.Won(deal))
	deal.Event = "evt-another"
	other := d.crm.Delivery(d.crm.Won(deal))
	if first.GetOutcome() != registryv1.Delivery_CREATED || again.GetName() != first.GetName() || again.GetRepeats() != 1 {
		t.Errorf("the same event: first %v, then %v", first, again)
	}
	if other.GetName() == first.GetName() || other.GetOutcome() != registryv1.Delivery_DUPLICATE || other.GetTenant() != "tenants/globex" {
		t.Errorf("another event of the same deal: %v", other)
	}
	wantTenants(t, d, `deal.id="deal-globex"`, 1)
	t.Logf("evidence: 3 messages of one deal, one tenant: %s, repeats %d, %s (%s)", first.GetOutcome(), again.GetRepeats(), other.GetOutcome(), other.GetReason())
}

func dealWithTakenID(t *testing.T, d door) {
	d.crm.Delivery(d.crm.Won(harness.Deal{Company: "Initech", ID: "i-1", Blueprint: "helpdesk-lite"}))
	second := d.crm.Delivery(d.crm.Won(harness.Deal{Company: "Initech", ID: "i-2", Blueprint: "helpdesk-lite"}))
	if second.GetOutcome() != registryv1.Delivery_CREATED || second.GetTenant() != "tenants/initech-2" || second.GetReason() == "" {
		t.Errorf("a second deal with a taken id: %v", second)
	}
	t.Logf("evidence: %s: %s", second.GetTenant(), second.GetReason())
	nameless := d.crm.Delivery(d.crm.Won(harness.Deal{Company: "…", ID: "dots", Blueprint: "helpdesk-lite"}))
	if nameless.GetOutcome() != registryv1.Delivery_CREATED || nameless.GetTenant() != "tenants/deal-dots" {
		t.Errorf("a deal whose company has no name to make an id of: %v", nameless)
	}
	// What a deal gets wrong is the delivery's to say: the CRM is not told to try again.
	for _, wrong := range []harness.Deal{
		{Company: "Wrong Plan", Blueprint: "helpdesk-lite", Plan: "gold"},
		{Company: "Wrong Blueprint", Blueprint: "nothing"},
		{Company: "Missing Input", Blueprint: "helpdesk-lite", Inputs: map[string]any{}},
	} {
		d := d.crm.Delivery(d.crm.Won(wrong))
		if d.GetOutcome() != registryv1.Delivery_NEEDS_ATTENTION || d.GetField() == "" || d.GetReason() == "" {
			t.Errorf("%s: %v", wrong.Company, d)
		}
		t.Logf("evidence: %s: %s: %s", wrong.Company, d.GetField(), d.GetReason())
	}
}

// wantTenants counts those that a filter finds.
func wantTenants(t *testing.T, d door, filter string, want int) {
	t.Helper()
	var list registryv1.ListTenantsResponse
	d.API.Must(d.API.Read("/v1/tenants?filter="+escape(filter), &list))
	if len(list.GetTenants()) != want || int(list.GetTotalSize()) != want {
		t.Errorf("%s finds %d tenants, total %d, want %d", filter, len(list.GetTenants()), list.GetTotalSize(), want)
	}
}
