package encoding

import (
	"strings"
	"testing"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

func TestCSVIsOneRowATenantAndNoFormula(t *testing.T) {
	list := &registryv1.ListTenantsResponse{Tenants: []*registryv1.Tenant{{
		Name: "tenants/acme", DisplayName: `=HYPERLINK("http://evil")`, State: registryv1.Tenant_ACTIVE,
		Blueprint: "blueprints/helpdesk/revisions/1.0.0", Deal: &registryv1.Deal{Amount: 48000, Currency: "EUR"},
	}}}
	form := table{newJSON(JSON)}
	text, err := form.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "tenant,display_name,state,") {
		t.Fatalf("got %q", text)
	}
	if want := `acme,"'=HYPERLINK(""http://evil"")",ACTIVE,helpdesk/revisions/1.0.0,`; !strings.HasPrefix(lines[1], want) {
		t.Errorf("got %q, want it to begin with %q", lines[1], want)
	}
	if form.ContentType(&registryv1.Tenant{}) != JSON {
		t.Error("one tenant is no table")
	}
}

func TestSSECarriesTheRevision(t *testing.T) {
	event := map[string]any{"result": &registryv1.WatchTenantsResponse{
		Type: registryv1.WatchTenantsResponse_PUT, Revision: 42, Tenant: &registryv1.Tenant{DisplayName: "two\nlines"},
	}}
	text, err := eventStream{newJSON(SSE)}.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	if !strings.HasPrefix(got, "id: 42\nevent: put\ndata: {") || strings.Count(got, "\n") != 2 {
		t.Errorf("got %q", got)
	}
}

func TestJSONShowsDefaultsAndRefusesTheUnknown(t *testing.T) {
	form := newJSON(JSON)
	text, err := form.Marshal(&registryv1.Tenant{})
	if err != nil || !strings.Contains(string(text), `"reconciling":false`) {
		t.Errorf("got %s, %v", text, err)
	}
	var tenant registryv1.Tenant
	if err := form.Unmarshal([]byte(`{"displayname":"x"}`), &tenant); err == nil {
		t.Error("a misspelt field was taken")
	}
}
