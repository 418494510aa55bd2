package recovery

import (
	"strings"
	"testing"
)

// TestSaysWhyItIsRefused: in words of who recovers, with what to do.
func TestSaysWhyItIsRefused(t *testing.T) {
	for violation, want := range map[string]string{
		`{"field":"tenant.blueprint","description":"\"blueprints/helpdesk/revisions/1.4.0\" does not exist"}`: "imp2: REFUSED: its revision helpdesk 1.4.0 is not published: publish it as it was (stamp blueprint publish FILE)\n",
		`{"field":"tenant.plan","description":"\"huge\" is no plan of blueprints/helpdesk/revisions/1.0.0"}`:  `imp2: REFUSED: what is wished for it does not fit what is published (plan "huge" is no plan of blueprints/helpdesk/revisions/1.0.0): publish the revision`,
	} {
		o, out := plane(t, map[string]string{
			"GET /v1/cells/one/manifests": `{"manifests":[` + imported + `]}`,
			"POST /v1/tenants:recover":    `{"status":409,"detail":"recover tenant \"tenants/imp2\": tenant.blueprint: no","reason":"TENANT_INVALID","violations":[` + violation + `]}`,
		}, nil)
		o.dryRun = true
		if err := run(t.Context(), o); err == nil || !strings.HasPrefix(out.String(), want) {
			t.Errorf("said %q, %v; want %q", out, err, want)
		}
	}
}
