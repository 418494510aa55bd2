//go:build e2e

package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/test/e2e/harness"
)

// TestUpgrade: a change reaches the components that it concerns and no other; a
// new revision brings its feature, and the customer's tickets stay.
func TestUpgrade(t *testing.T) {
	h := harness.New(t, harness.Options{})
	h.StartAll()
	awaitCells(t, h, "local")
	first := h.API.Publish("helpdesk-lite", "1.0.0")
	h.API.Create("acme", harness.Wish("Acme", "helpdesk-lite/revisions/1.0.0"))
	desk := harness.Desk{URL: h.API.AwaitActive("acme", stampWithin).GetStatus().GetUrl()}
	desk.Open(t, "printer on fire")
	fresh := h.API.OnceEach(30*time.Second, []string{"acme"}, h.CellDir("local"))

	// One input, which only the app is given: nothing else is touched.
	h.API.Must(h.API.Call(http.MethodPatch, "/v1/tenants/acme?update_mask=inputs", &registryv1.Tenant{Inputs: map[string]*structpb.Value{
		"admin_email": structpb.NewStringValue("admin@customer.example"), "seats": structpb.NewNumberValue(40),
	}}, nil))
	h.API.AwaitActive("acme", stampWithin)
	seats := onlyChanged(t, h, fresh, "app")

	// A revision migrates again, so what depends on the app is paused; the queue
	// is not.
	patched := replaceOnce(t, first.GetSource(), "revision: 1.0.0", "revision: 1.0.1")
	patched = replaceOnce(t, patched, "      ADMIN_EMAIL: ${inputs.admin_email}\n", "      ADMIN_EMAIL: ${inputs.admin_email}\n      GREETING: hello\n")
	h.API.Must(h.API.Call(http.MethodPost, "/v1/blueprints/helpdesk-lite/revisions", &registryv1.Revision{Source: patched}, nil))
	upgrade(t, h, desk, "1.0.1")
	onlyChanged(t, h, seats, "app", "edge", "worker")

	h.API.Publish("helpdesk-lite", "1.1.0")
	upgrade(t, h, desk, "1.1.0")
	desk.Open(t, "coffee is out")
	tickets, err := desk.Tickets()
	h.API.Must(err)
	for _, ticket := range tickets {
		if ticket.Priority == "" {
			t.Errorf("1.1.0 shows no priority: %+v", ticket)
		}
	}
	if len(tickets) != 2 {
		t.Errorf("tickets: %+v", tickets)
	}
	t.Logf("evidence: 1.0.0 to 1.0.1 to 1.1.0: %+v", tickets)
}

// onlyChanged holds what has a new process to what should, and gives all.
func onlyChanged(t *testing.T, h *harness.Plane, before map[string]int32, components ...string) map[string]int32 {
	t.Helper()
	after := h.API.OnceEach(30*time.Second, []string{"acme"}, h.CellDir("local"))
	for name, pid := range before {
		if changed := after[name] != pid; changed != slices.Contains(components, strings.TrimPrefix(name, "acme.")) {
			t.Errorf("%s was process %d, is %d; a new one was due for %v only", name, pid, after[name], components)
		}
	}
	t.Logf("evidence: a change for %v: %v, then %v", components, before, after)
	return after
}

// upgrade wishes for a revision and waits for it.
func upgrade(t *testing.T, h *harness.Plane, desk harness.Desk, revision string) {
	t.Helper()
	name := "blueprints/helpdesk-lite/revisions/" + revision
	h.API.Must(h.API.Call(http.MethodPatch, "/v1/tenants/acme?update_mask=blueprint", &registryv1.Tenant{Blueprint: name}, nil))
	tenant := h.API.AwaitActive("acme", stampWithin)
	if tenant.GetStatus().GetRevision() != name || tenant.GetStatus().GetUrl() != desk.URL {
		t.Errorf("after the upgrade it is %s at %s", tenant.GetStatus().GetRevision(), tenant.GetStatus().GetUrl())
	}
	if err := desk.Has("printer on fire"); err != nil {
		t.Errorf("after the upgrade to %s: %v", revision, err)
	}
}
