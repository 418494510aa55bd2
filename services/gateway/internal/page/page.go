// Package page is the one page for people until a console comes: a read-only
// table of the fleet, refreshed live, that needs no other network.
package page

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strings"
	"time"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/services/gateway/internal/auth"
	"stampworks.dev/services/gateway/internal/problem"
)

// refresh is how often an open page looks for changes.
const refresh = time.Second

// cookie holds the token of a person who signed in.
const cookie = "stampworks_token"

//go:embed page.html.tmpl
var source string

var templates = template.Must(template.New("page").Parse(source))

// Deps are what the page is made from.
type Deps struct {
	Tenants registryv1.TenantServiceClient
	Health  healthv1.HealthServiceClient
	Tokens  *auth.Tokens
	// Open shows the table without a token to callers on this machine. For
	// `stamp dev` only.
	Open bool
}

// Page serves /, /fleet/events and /sign-in.
type Page struct{ deps Deps }

// New makes the page.
func New(deps Deps) *Page { return &Page{deps} }

// Register adds the page's paths.
func (p *Page) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", p.show)
	mux.HandleFunc("GET /fleet/events", p.events)
	mux.HandleFunc("POST /sign-in", p.signIn)
}

func (p *Page) show(w http.ResponseWriter, r *http.Request) {
	secure(w)
	who, err := p.who(r)
	if err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		_ = templates.ExecuteTemplate(w, "sign-in", r.URL.Query().Has("again"))
		return
	}
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, "fleet", p.load(rpc.WithPrincipal(r.Context(), who))); err != nil {
		problem.Write(w, r, err)
		return
	}
	_, _ = w.Write(b.Bytes())
}

// events sends the table again whenever it looks different.
func (p *Page) events(w http.ResponseWriter, r *http.Request) {
	who, err := p.who(r)
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	ctx := rpc.WithPrincipal(r.Context(), who)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	var last []byte
	for {
		var b bytes.Buffer
		if err := templates.ExecuteTemplate(&b, "table", p.load(ctx)); err != nil {
			return
		}
		if !bytes.Equal(b.Bytes(), last) {
			last = b.Bytes()
			if _, err := fmt.Fprintf(w, "data: %s\n\n", bytes.ReplaceAll(last, []byte("\n"), []byte("\ndata: "))); err != nil || control.Flush() != nil {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// signIn keeps a person's token in a cookie that no script can read.
func (p *Page) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	token := strings.TrimSpace(r.PostFormValue("token"))
	if _, err := p.deps.Tokens.Authenticate(token); err != nil {
		http.Redirect(w, r, "/?again", http.StatusSeeOther)
		return
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure where the page itself is
		Name: cookie, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// who looks at the page.
func (p *Page) who(r *http.Request) (rpc.Principal, error) {
	if c, err := r.Cookie(cookie); err == nil {
		return p.deps.Tokens.Authenticate(c.Value)
	}
	if token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); found {
		return p.deps.Tokens.Authenticate(token)
	}
	if p.deps.Open && local(r.Host) {
		return rpc.Principal{Name: "page", Role: "viewer"}, nil
	}
	return rpc.Principal{}, errs.New(errs.Unauthenticated, "TOKEN_MISSING", "sign in first")
}

// local tells a name of this machine from one that a page elsewhere has bent
// towards it (DNS rebinding).
func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// secure lets the page run its own script and nothing else.
func secure(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-"+scriptSum+"'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}

// load reads the fleet. What cannot be read is said on the page, with what
// can: a page that shows nothing helps nobody.
func (p *Page) load(ctx context.Context) fleet {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var f fleet
	tenants, err := p.deps.Tenants.ListTenants(ctx, &registryv1.ListTenantsRequest{PageSize: 1000, OrderBy: "display_name"})
	if err != nil {
		f.Notices = append(f.Notices, "The registry does not answer; the table cannot be shown.")
	}
	health, err := p.deps.Health.GetFleetHealth(ctx, &healthv1.GetFleetHealthRequest{})
	if err != nil {
		f.Notices = append(f.Notices, "The health service does not answer; health is unknown.")
	}
	f.fill(tenants, health, time.Now())
	return f
}
