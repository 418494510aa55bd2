package gateway

import (
	"net/http"
	"slices"
	"testing"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// What was read can be sent back: its output-only fields are passed over. One that
// is named in the mask goes on, and the registry refuses it.
func TestMasksOfWhatWasRead(t *testing.T) {
	f := open(t)
	const read = `{"plan":"pro","deletionProtection":false,"uid":"u","state":"ACTIVE","status":{"url":"http://x"},"contact":{"email":"a@b.example"},"suspended":true}`
	for _, tc := range []struct {
		query, body string
		want        []string
	}{
		{"", read, []string{"contact.email", "deletion_protection", "plan"}},
		{"", `{"state":"ACTIVE"}`, nil},
		{"?update_mask=plan,state", read, []string{"plan", "state"}},
		{"?updateMask=state", read, []string{"state"}},
	} {
		if a := f.send(t, http.MethodPatch, "/v1/tenants/acme"+tc.query, tc.body, adminToken); a.status != http.StatusOK {
			t.Fatalf("%s: got %d %s", tc.query, a.status, a.text)
		}
		req, _ := f.registry.last().request.(*registryv1.UpdateTenantRequest)
		paths := req.GetUpdateMask().GetPaths()
		slices.Sort(paths)
		if !slices.Equal(paths, tc.want) {
			t.Errorf("%s %s: mask %v, want %v", tc.query, tc.body, paths, tc.want)
		}
	}
}
