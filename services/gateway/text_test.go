package gateway

import (
	"net/http"
	"strings"
	"testing"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// TestTextThatIsNotUTF8: no service is asked, and nothing is called a fault of
// our own.
func TestTextThatIsNotUTF8(t *testing.T) {
	f := open(t)
	for _, tc := range []struct{ method, path, header, reason string }{
		{"GET", "/v1/tenants?filter=%ff", "", "PARAMETER_MALFORMED"},
		{"GET", "/v1/tenants?filter=\xff", "", "PARAMETER_MALFORMED"},
		{"GET", "/v1/tenants?orderBy=%ff", "", "PARAMETER_MALFORMED"},
		{"GET", "/v1/tenants?pageToken=%00%ff", "", "PARAMETER_MALFORMED"},
		// One after the other would be a letter.
		{"GET", "/v1/operations?filter=%c3&filter=%a9", "", "PARAMETER_MALFORMED"},
		{"GET", "/v1/operations?pageToken=%ff", "", "PARAMETER_MALFORMED"},
		{"GET", "/v1/tenants/acme/stamp:logs?component=%ff", "", "PARAMETER_MALFORMED"},
		{"GET", "/v1/tenants?%ff=1", "", "PARAMETER_MALFORMED"},
		{"GET", "/v1/tenants/%ff", "", "PATH_MALFORMED"},
		{"GET", "/v1/tenants/acme/stamp:attachTask?task=%ff", "", "PARAMETER_MALFORMED"},
		{"POST", "/v1/tenants/acme/backups:import?backup_id=%ff", "", "PARAMETER_MALFORMED"},
		{"POST", "/v1/tenants?tenant_id=x", "Idempotency-Key: \xff", "HEADER_REFUSED"},
	} {
		headers := []string{adminToken}
		if tc.header != "" {
			headers = append(headers, tc.header)
		}
		t.Run(tc.path+tc.header, func(t *testing.T) {
			a := f.send(t, tc.method, tc.path, "", headers...)
			wantProblem(t, a, http.StatusBadRequest, tc.reason)
			if !strings.Contains(a.text, "is not UTF-8") {
				t.Errorf("it says %s", a.text)
			}
		})
	}
	if seen := f.registry.all(); len(seen) > 0 {
		t.Errorf("the registry was called: %v", seen)
	}
	if a := f.send(t, http.MethodGet, "/v1/tenants?filter=%c3%a9", "", adminToken); a.status != http.StatusOK {
		t.Errorf("a letter of two bytes: %d %s", a.status, a.text)
	}
}

// TestAMessageToAnyURL: what a sender puts behind the path is not ours to refuse.
func TestAMessageToAnyURL(t *testing.T) {
	f := open(t)
	for path, want := range map[string]string{"/hooks/hubspot?who=%e9": "/hooks/hubspot?who=%e9", "/hooks/hubspot?who=\xe9": "/hooks/hubspot?who=\uFFFD"} {
		if a := f.send(t, http.MethodPost, path, "{}"); strings.Contains(a.text, "INTERNAL") || len(f.registry.all()) == 0 {
			t.Fatalf("%q: %d %s", path, a.status, a.text)
		}
		if req, _ := f.registry.last().request.(*registryv1.ReceiveDeliveryRequest); req.GetPath() != want {
			t.Errorf("the registry sees %q, want %q", req.GetPath(), want)
		}
	}
}
