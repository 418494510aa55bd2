package gateway

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"stampworks.dev/proto/gen/openapi"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

func openPage(c *Config, _ *Service) { c.HTTP.OpenPage = true }

func TestThePageShowsTheFleet(t *testing.T) {
	f := open(t, openPage)
	a := f.send(t, http.MethodGet, "/", "")
	if a.status != http.StatusOK {
		t.Fatalf("got %d %s", a.status, a.text)
	}
	for _, want := range []string{
		"The one customer is up.", "Acme Rockets", ">active<", ">healthy<", "helpdesk 1.0.0", "local", "under a minute",
		`<a href="http://127.0.0.1:20001" rel="noreferrer">127.0.0.1:20001</a>`,
	} {
		if !strings.Contains(a.text, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if who := f.registry.last().principal; who.Role != "viewer" {
		t.Errorf("the page reads as %v", who)
	}
}

// firstEvent reads a stream up to its first empty line.
func firstEvent(t *testing.T, resp *http.Response) string {
	t.Helper()
	var all []string
	for from := bufio.NewScanner(resp.Body); from.Scan() && from.Text() != ""; {
		all = append(all, from.Text())
	}
	return strings.Join(all, "\n")
}

func TestNamesAreTextNotMarkup(t *testing.T) {
	f := open(t, openPage)
	f.registry.list = func() (*registryv1.ListTenantsResponse, error) {
		evil := acme()
		evil.DisplayName = `<img src=x onerror=alert(1)>`
		evil.Status.Url = `javascript:alert(1)`
		evil.Status.Failure = &typev1.Failure{Message: `</td><script>alert(2)</script>`}
		return &registryv1.ListTenantsResponse{Tenants: []*registryv1.Tenant{evil}, TotalSize: 1}, nil
	}
	for _, text := range []string{f.send(t, http.MethodGet, "/", "").text, firstEvent(t, f.watch(t, "/fleet/events"))} {
		for _, bad := range []string{"<img", "<script>alert", "javascript:"} {
			if strings.Contains(text, bad) {
				t.Errorf("the page holds %q", bad)
			}
		}
		if !strings.Contains(text, "&lt;img src=x") {
			t.Error("the name is not shown")
		}
	}
}

func TestNobodyAnswersAtAStoppedCustomersAddress(t *testing.T) {
	f := open(t, openPage)
	for _, state := range []registryv1.Tenant_State{registryv1.Tenant_SUSPENDED, registryv1.Tenant_DELETED} {
		f.registry.list = func() (*registryv1.ListTenantsResponse, error) {
			stopped := acme()
			stopped.State = state
			return &registryv1.ListTenantsResponse{Tenants: []*registryv1.Tenant{stopped}, TotalSize: 1}, nil
		}
		text := f.send(t, http.MethodGet, "/", "").text
		if strings.Contains(text, `<a href="http://127.0.0.1:20001"`) || !strings.Contains(text, "127.0.0.1:20001") {
			t.Errorf("%s: its address is a link, or not shown", state)
		}
	}
}

func TestThePageSaysWhoIsAway(t *testing.T) {
	f := open(t, openPage, func(c *Config, _ *Service) { c.Health.Target = "127.0.0.1:1" })
	a := f.send(t, http.MethodGet, "/", "")
	if !strings.Contains(a.text, "Health is unknown: the health service does not answer.") || !strings.Contains(a.text, "Acme Rockets") {
		t.Errorf("got %s", a.text)
	}
}

func TestThePageIsLive(t *testing.T) {
	f := open(t, openPage)
	resp := f.watch(t, "/fleet/events")
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("type %q", kind)
	}
	first := lines(t, resp, 5)
	if !strings.HasPrefix(first[0], `data: <p class="summary">The one customer is up.`) {
		t.Errorf("got %q", first)
	}
	f.health.set(&healthv1.FleetHealth{Summary: "0 of 1 customers are up: Acme Rockets is down."})
	for seen := false; !seen; {
		seen = strings.Contains(lines(t, resp, 1)[0], "Acme Rockets is down.")
	}
}

func TestOnlyWhoIsAtThisMachineNeedsNoToken(t *testing.T) {
	f := open(t, openPage)
	for _, tc := range []struct {
		why    string
		header string
		status int
	}{
		{"by address", "X: -", 200},
		{"by name", "Host: localhost:8080", 200},
		{"by IPv6", "Host: [::1]:8080", 200},
		{"a name bent to this machine", "Host: evil.example.com", 401},
		{"a name that only looks local", "Host: localhost.evil.example.com", 401},
		{"through a proxy", "X-Forwarded-For: 203.0.113.9", 401},
		{"through another proxy", "Forwarded: for=203.0.113.9", 401},
		{"with a token from afar", viewerToken, 200},
		{"with a wrong one", "Authorization: Bearer wrong", 401},
	} {
		for _, path := range []string{"/", "/fleet/events"} {
			ctx, cancel := context.WithCancel(t.Context())
			resp := f.begin(t, ctx, http.MethodGet, path, nil, tc.header)
			if resp.StatusCode != tc.status {
				t.Errorf("%s, %s: got %d, want %d", tc.why, path, resp.StatusCode, tc.status)
			}
			cancel()
			_ = resp.Body.Close()
		}
	}
	closed := open(t)
	if a := closed.send(t, http.MethodGet, "/", ""); a.status != http.StatusUnauthorized || !strings.Contains(a.text, `action="/sign-in"`) {
		t.Errorf("a page that is not open: got %d", a.status)
	}
}

func TestSigningInAndOut(t *testing.T) {
	f := open(t)
	form := func(path, token string, headers ...string) answer {
		return f.send(t, http.MethodPost, path, url.Values{"token": {token}}.Encode(),
			append(headers, "Content-Type: application/x-www-form-urlencoded")...)
	}
	if a := form("/sign-in", "wrong"); a.status != http.StatusSeeOther || a.header.Get("Location") != "/?again" || a.header.Get("Set-Cookie") != "" {
		t.Errorf("a wrong token: got %d %v", a.status, a.header)
	}
	if a := f.send(t, http.MethodGet, "/?again", ""); !strings.Contains(a.text, "not known") {
		t.Error("nobody says that the token was wrong")
	}
	a := form("/sign-in", "view")
	cookie := a.header.Get("Set-Cookie")
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/" {
		t.Errorf("got %d %v", a.status, a.header)
	}
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie is %q without %s", cookie, want)
		}
	}
	sent, _, _ := strings.Cut(cookie, ";")
	if a := f.send(t, http.MethodGet, "/", "", "Cookie: "+sent); a.status != http.StatusOK || !strings.Contains(a.text, "Sign out") {
		t.Errorf("with the cookie: got %d", a.status)
	}
	if a := f.send(t, http.MethodGet, "/v1/tenants", "", "Cookie: "+sent); a.status != http.StatusUnauthorized {
		t.Errorf("the cookie opens the API to every page: got %d", a.status)
	}
	if a := form("/sign-in", "view", "X-Forwarded-Proto: https"); !strings.Contains(a.header.Get("Set-Cookie"), "Secure") {
		t.Errorf("behind TLS the cookie is %q", a.header.Get("Set-Cookie"))
	}
	wantProblem(t, form("/sign-in", "view", "Sec-Fetch-Site: cross-site"), http.StatusForbidden, "ORIGIN_FOREIGN")
	if a := form("/sign-out", ""); !strings.Contains(a.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("signing out: got %v", a.header)
	}
}

func TestThePageLetsNothingIn(t *testing.T) {
	f := open(t, openPage)
	a := f.send(t, http.MethodGet, "/", "")
	h := a.header
	policy := h.Get("Content-Security-Policy")
	for _, element := range []string{"script", "style"} { // as they came out of the template
		inside := regexp.MustCompile(`(?s)<`+element+`>(.*?)</`+element+`>`).FindAllStringSubmatch(a.text, -1)
		if len(inside) != 1 {
			t.Fatalf("%d of %s", len(inside), element)
		}
		sum := sha256.Sum256([]byte(inside[0][1]))
		if want := element + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]); !strings.Contains(policy, want) {
			t.Errorf("the policy %q does not let the page use its own %s", policy, element)
		}
	}
	for _, want := range []string{"default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %q", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
	} {
		if h.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, h.Get(name), want)
		}
	}
}

func TestTheDescriptionIsTheCommittedOne(t *testing.T) {
	f := open(t)
	a := f.send(t, http.MethodGet, "/openapi.json", "")
	if !bytes.Equal([]byte(a.text), openapi.JSON) || a.header.Get("Content-Type") != "application/json" {
		t.Error("what is served is not what is committed")
	}
	if version, _ := a.field("openapi").(string); !strings.HasPrefix(version, "3.1") {
		t.Errorf("OpenAPI %q", version)
	}
	// Everything that it describes is there.
	var described struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal([]byte(a.text), &described); err != nil || len(described.Paths) < 10 {
		t.Fatalf("%d paths, %v", len(described.Paths), err)
	}
	param := regexp.MustCompile(`\{[^}]*\}`)
	for path, methods := range described.Paths {
		if !strings.HasPrefix(path, "/v1/") {
			continue
		}
		at := strings.ReplaceAll(param.ReplaceAllString(path, "x"), "%", "%25")
		a := f.send(t, http.MethodPut, at, "", adminToken)
		for method := range methods {
			if upper := strings.ToUpper(method); regexp.MustCompile(`^(GET|POST|PATCH|DELETE)$`).MatchString(upper) && !strings.Contains(a.header.Get("Allow"), upper) {
				t.Errorf("%s %s is described, but the path takes %q", upper, path, a.header.Get("Allow"))
			}
		}
	}
}

func TestTheDocsNeedNoOtherNetwork(t *testing.T) {
	f := open(t)
	if a := f.send(t, http.MethodGet, "/docs", ""); a.status != http.StatusMovedPermanently || a.header.Get("Location") != "/docs/" {
		t.Errorf("got %d %v", a.status, a.header)
	}
	a := f.send(t, http.MethodGet, "/docs/", "")
	if a.status != http.StatusOK || !strings.Contains(a.text, "/openapi.json") {
		t.Fatalf("got %d %s", a.status, a.text)
	}
	if elsewhere := regexp.MustCompile(`(src|href)="(https?:)?//[^"]*`).FindString(a.text); elsewhere != "" {
		t.Errorf("the page loads %s", elsewhere)
	}
	if policy := a.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'self'") || strings.Contains(policy, "http") {
		t.Errorf("the policy is %q", policy)
	}
	assets := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(a.text, -1)
	if len(assets) < 3 {
		t.Errorf("assets: %v", assets)
	}
	for _, asset := range assets {
		if a := f.send(t, http.MethodGet, asset[1], ""); a.status != http.StatusOK || len(a.text) < 100 {
			t.Errorf("%s: got %d, %d bytes", asset[1], a.status, len(a.text))
		}
	}
}
