package gateway

import (
	"io"
	"net/http"
	"strings"
	"testing"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

func TestOnlyKnownTokensComeIn(t *testing.T) {
	f := open(t)
	a := f.send(t, http.MethodGet, "/v1/tenants", "")
	wantProblem(t, a, http.StatusUnauthorized, "TOKEN_MISSING")
	if got := a.header.Get("WWW-Authenticate"); got != `Bearer realm="stampworks"` {
		t.Errorf("WWW-Authenticate: %s", got)
	}
	for _, presented := range []string{"Authorization: Bearer wrong", "Authorization: Bearer ADM"} {
		a = f.send(t, http.MethodGet, "/v1/tenants", "", presented)
		wantProblem(t, a, http.StatusUnauthorized, "TOKEN_INVALID")
		if got := a.header.Get("WWW-Authenticate"); got != `Bearer realm="stampworks", error="invalid_token"` {
			t.Errorf("WWW-Authenticate: %s", got)
		}
	}
	wantProblem(t, f.send(t, http.MethodGet, "/v1/tenants", "", "Authorization: Basic YWRtOg=="), http.StatusUnauthorized, "TOKEN_MISSING")
	if seen := f.registry.all(); len(seen) > 0 {
		t.Errorf("the registry was called: %v", seen)
	}
}

func TestTheCallerIsHandedOnAndItsTokenIsNot(t *testing.T) {
	f := open(t)
	if a := f.send(t, http.MethodGet, "/v1/tenants/acme", "", adminToken); a.status != http.StatusOK {
		t.Fatalf("got %d %s", a.status, a.text)
	}
	last := f.registry.last()
	if last.principal.Name != "tokens/admin" || last.principal.Role != "admin" {
		t.Errorf("the registry sees %v", last.principal)
	}
	if got := last.metadata.Get("authorization"); len(got) > 0 {
		t.Errorf("the token went on to the registry: %v", got)
	}
}

func TestAViewerChangesNothing(t *testing.T) {
	f := open(t)
	if a := f.send(t, http.MethodGet, "/v1/tenants/acme", "", viewerToken); a.status != http.StatusOK {
		t.Errorf("reading: got %d %s", a.status, a.text)
	}
	before := len(f.registry.all())
	wantProblem(t, f.send(t, http.MethodPost, "/v1/tenants?tenant_id=x", `{"display_name":"X"}`, viewerToken), http.StatusForbidden, "PERMISSION_MISSING")
	if len(f.registry.all()) != before {
		t.Error("the tenant was created")
	}
}

// slowly hides how long a body is, so that it is sent in chunks.
type slowly struct{ io.Reader }

func TestBodiesAreBounded(t *testing.T) {
	f := open(t)
	large := `{"display_name":"` + strings.Repeat("x", 1<<20) + `"}`
	wantProblem(t, f.send(t, http.MethodPost, "/v1/tenants", large, adminToken), http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE")
	wantProblem(t, f.sendFrom(t, http.MethodPost, "/v1/tenants", slowly{strings.NewReader(large)}, adminToken), http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE")
	// Also where the JSON itself ends early.
	padded := `{"display_name":"x"}` + strings.Repeat(" ", 1<<20)
	wantProblem(t, f.sendFrom(t, http.MethodPost, "/v1/tenants", slowly{strings.NewReader(padded)}, adminToken), http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE")
	if seen := f.registry.all(); len(seen) > 0 {
		t.Errorf("the registry was called: %d times", len(seen))
	}
	fits := `{"display_name":"x"}` + strings.Repeat(" ", 1<<20-20)
	if a := f.sendFrom(t, http.MethodPost, "/v1/tenants?tenant_id=x", slowly{strings.NewReader(fits)}, adminToken); a.status != http.StatusOK {
		t.Errorf("exactly 1 MiB: got %d %s", a.status, a.text)
	}
}

func TestRequestsThatDoNotFit(t *testing.T) {
	f := open(t)
	for _, tc := range []struct {
		why, method, path, body, header string
		status                          int
		reason, detail                  string
	}{
		{"no JSON", "POST", "/v1/tenants", "{\"display_name\":\n  }", "", 400, "BODY_MALFORMED", "line 2, column 3"},
		{"JSON that breaks off", "POST", "/v1/tenants", `{"display_name":"x"`, "", 400, "BODY_MALFORMED", "unexpected end"},
		{"more after the JSON", "POST", "/v1/tenants", `{"display_name":"x"}}`, "", 400, "BODY_MALFORMED", "column 21"},
		{"an unknown field", "POST", "/v1/tenants", `{"displayname":"x"}`, "", 400, "BODY_MALFORMED", `unknown field "displayname"`},
		{"another type", "POST", "/v1/tenants", `{"display_name":7}`, "", 400, "BODY_MALFORMED", "string field displayName"},
		{"no object", "POST", "/v1/tenants", `[1]`, "", 400, "BODY_MALFORMED", "unexpected token ["},
		{"the same field twice", "POST", "/v1/tenants", `{"plan":"a","plan":"b"}`, "", 400, "BODY_MALFORMED", "duplicate"},
		{"an unknown parameter", "GET", "/v1/tenants?pagesize=3", "", "", 400, "PARAMETER_MALFORMED", `no query parameter "pagesize"`},
		{"a misspelt dry run", "POST", "/v1/tenants?validateonly=true", "{}", "", 400, "PARAMETER_MALFORMED", "validate_only"},
		{"a parameter of another type", "GET", "/v1/tenants?page_size=many", "", "", 400, "PARAMETER_MALFORMED", "page_size"},
		{"an unknown path", "GET", "/v1/unicorns", "", "", 404, "PATH_NOT_FOUND", "/v1/unicorns"},
		{"an unknown verb", "POST", "/v1/tenants/acme:fly", "{}", "", 404, "PATH_NOT_FOUND", "acme:fly"},
		{"a verb without its method", "DELETE", "/v1/tenants/acme:suspend", "", "", 405, "METHOD_NOT_ALLOWED", "only POST"},
		{"the service's own word", "GET", "/v1/tenants/nobody", "", "", 404, "TENANT_NOT_FOUND", `"tenants/nobody"`},
		{"an invalid id", "POST", "/v1/tenants?tenant_id=No+Good", "{}", "", 400, "", "tenant_id"},
		{"metadata from outside", "GET", "/v1/tenants", "", "Grpc-Metadata-Principal: tokens/root", 400, "HEADER_REFUSED", "Grpc-Metadata-Principal"},
		{"a timeout from outside", "GET", "/v1/tenants", "", "Grpc-Timeout: 1n", 400, "HEADER_REFUSED", "Grpc-Timeout"},
		{"two etags", "DELETE", "/v1/tenants/acme", "", `If-Match: "7", "8"`, 400, "IF_MATCH_MALFORMED", "etag"},
		{"an etag where none is compared", "GET", "/v1/tenants", "", `If-Match: "7"`, 400, "IF_MATCH_NOT_SUPPORTED", "If-Match"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			headers := []string{adminToken}
			if tc.header != "" {
				headers = append(headers, tc.header)
			}
			a := f.send(t, tc.method, tc.path, tc.body, headers...)
			if tc.reason == "" {
				tc.reason, _ = a.field("reason").(string)
			}
			wantProblem(t, a, tc.status, tc.reason)
			if tc.reason != "" && !strings.Contains(strings.ReplaceAll(a.text, `\"`, `"`), tc.detail) {
				t.Errorf("got %s, want it to say %s", a.text, tc.detail)
			}
		})
	}
	for _, c := range f.registry.all() {
		if _, wrote := c.request.(*registryv1.CreateTenantRequest); wrote {
			t.Errorf("a tenant was created: %v", c.request)
		}
	}
}

func TestFieldsThatAreWrongAreNamed(t *testing.T) {
	f := open(t)
	a := f.send(t, http.MethodPost, "/v1/tenants?tenant_id=No+Good", "{}", adminToken)
	violations, _ := a.field("violations").([]any)
	if len(violations) != 1 || violations[0].(map[string]any)["field"] != "tenant_id" {
		t.Errorf("got %s", a.text)
	}
}

func TestMethods(t *testing.T) {
	f := open(t)
	for path, allow := range map[string]string{
		"/v1/tenants":              "GET, POST",
		"/v1/tenants/acme":         "GET, PATCH, DELETE",
		"/v1/tenants/acme:suspend": "POST",
		"/v1/tenants:watch":        "GET",
		"/openapi.json":            "GET, HEAD",
		"/sign-in":                 "POST",
		"/":                        "GET, HEAD",
	} {
		a := f.send(t, http.MethodPut, path, "", adminToken)
		wantProblem(t, a, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
		if got := a.header.Get("Allow"); got != allow {
			t.Errorf("%s: Allow is %q, want %q", path, got, allow)
		}
	}
	a := f.send(t, http.MethodPost, "/v1/tenants/acme", "", adminToken, "X-HTTP-Method-Override: DELETE")
	wantProblem(t, a, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
	a = f.send(t, http.MethodPost, "/v1/tenants/acme", "a=b", adminToken, "X-HTTP-Method-Override: GET", "Content-Type: application/x-www-form-urlencoded")
	if a.status == http.StatusOK {
		t.Error("a form POST became a GET")
	}
	if seen := f.registry.all(); len(seen) > 0 {
		t.Errorf("the registry was called: %v", seen)
	}
}

func TestEtags(t *testing.T) {
	f := open(t)
	if a := f.send(t, http.MethodGet, "/v1/tenants/acme", "", adminToken); a.header.Get("ETag") != `"7"` || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %v", a.header)
	}
	for _, tc := range []struct {
		header, body string
		status       int
		reason       string
	}{
		{`If-Match: "7"`, `{"plan":"pro"}`, 200, ""},
		{`If-Match: W/"7"`, `{"plan":"pro"}`, 200, ""},
		{`If-Match: *`, `{"plan":"pro"}`, 200, ""},
		{`If-Match: "6"`, `{"plan":"pro"}`, 412, "ETAG_MISMATCH"},
		{`X: -`, `{"plan":"pro","etag":"6"}`, 409, "ETAG_MISMATCH"},
	} {
		a := f.send(t, http.MethodPatch, "/v1/tenants/acme", tc.body, adminToken, tc.header)
		if tc.reason != "" {
			wantProblem(t, a, tc.status, tc.reason)
		} else if a.status != tc.status {
			t.Errorf("%s: got %d %s", tc.header, a.status, a.text)
		}
	}
}

func TestOperations(t *testing.T) {
	f := open(t)
	a := f.send(t, http.MethodPost, "/v1/tenants?tenant_id=globex", `{"display_name":"Globex"}`, adminToken, `Idempotency-Key: "k1"`)
	if a.status != http.StatusOK || a.header.Get("Location") != "/v1/operations/globex.1" || a.header.Get("Retry-After") != "1" {
		t.Errorf("got %d %v %s", a.status, a.header, a.text)
	}
	req, _ := f.registry.last().request.(*registryv1.CreateTenantRequest)
	if req.GetRequestId() != "k1" || req.GetTenantId() != "globex" || req.GetTenant().GetDisplayName() != "Globex" {
		t.Errorf("the registry got %v", req)
	}
	a = f.send(t, http.MethodPost, "/v1/tenants?request_id=k2", `{}`, adminToken, "Idempotency-Key: k1")
	wantProblem(t, a, http.StatusBadRequest, "REQUEST_ID_AMBIGUOUS")
	a = f.send(t, http.MethodPatch, "/v1/tenants/acme", `{"plan":"pro"}`, adminToken)
	if a.header.Get("Retry-After") != "" {
		t.Error("an operation that is done says when to ask again")
	}
}

func TestForms(t *testing.T) {
	f := open(t)
	for accept, want := range map[string]string{
		"text/csv":                              "text/csv; charset=utf-8; header=present",
		"text/html, application/json;q=0.9":     "application/json",
		"application/json;q=0.5, text/csv":      "text/csv; charset=utf-8; header=present",
		"text/csv;q=0, */*":                     "application/json",
		"image/png":                             "application/json",
		"text/event-stream":                     "application/json", // one answer is no stream
		"text/csv;q=nonsense, application/json": "application/json",
	} {
		a := f.send(t, http.MethodGet, "/v1/tenants", "", adminToken, "Accept: "+accept)
		if got := a.header.Get("Content-Type"); got != want || a.status != http.StatusOK {
			t.Errorf("%s: got %d %q, want %q", accept, a.status, got, want)
		}
	}
	a := f.send(t, http.MethodGet, "/v1/tenants", "", adminToken, "Accept: text/csv")
	lines := strings.Split(strings.TrimSpace(a.text), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[1], "acme,Acme Rockets,ACTIVE,") || a.header.Get("X-Next-Page-Token") != "more" {
		t.Errorf("got %v %s", a.header, a.text)
	}
	wantProblem(t, f.send(t, http.MethodGet, "/v1/tenants/nobody", "", adminToken, "Accept: text/csv"), http.StatusNotFound, "TENANT_NOT_FOUND")
}

func TestAServiceThatIsAway(t *testing.T) {
	f := open(t, func(c *Config, _ *Service) { c.Provisioner.Target = "127.0.0.1:1" })
	a := f.send(t, http.MethodGet, "/v1/operations/acme.1", "", adminToken)
	wantProblem(t, a, http.StatusServiceUnavailable, "UNAVAILABLE")
	if a.header.Get("Retry-After") == "" || !strings.Contains(a.text, "provisioner is not reachable") {
		t.Errorf("got %v %s", a.header, a.text)
	}
}
