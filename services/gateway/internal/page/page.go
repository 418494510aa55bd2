// Package page is the one page for people until a console comes: a read-only
// table of the fleet, refreshed live, that needs no other network.
package page

import (
	"bytes"
	"context"
	_ "embed"
	"html/template"
	"net/http"
	"time"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/services/gateway/internal/auth"
	"stampworks.dev/services/gateway/internal/problem"
)

//go:embed page.html.tmpl
var source string

var templates = template.Must(template.New("page").Parse(source))

// loadWithin is how long the services may take before the page shows what it
// has.
const loadWithin = 3 * time.Second

// most is how many customers the table holds.
const most = 1000

// Deps are what the page is made from.
type Deps struct {
	Tenants registryv1.TenantServiceClient
	Health  healthv1.HealthServiceClient
	Tokens  *auth.Tokens
	// Open shows the table without a token to callers on this machine. For
	// `stamp dev` only.
	Open bool
}

// Page shows the fleet.
type Page struct{ deps Deps }

// New makes the page.
func New(deps Deps) *Page { return &Page{deps} }

// Show answers with the table, or asks to sign in.
func (p *Page) Show(w http.ResponseWriter, r *http.Request) {
	secure(w)
	who, err := p.who(r)
	if err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		_ = templates.ExecuteTemplate(w, "sign-in", r.URL.Query().Has("again"))
		return
	}
	f := p.load(rpc.WithPrincipal(r.Context(), who))
	_, err = r.Cookie(cookie)
	f.SignedIn = err == nil
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, "fleet", f); err != nil {
		problem.Write(w, r, err)
		return
	}
	_, _ = w.Write(b.Bytes())
}

// load reads the fleet. What cannot be read is said on the page, with what
// can: a page that shows nothing helps nobody.
func (p *Page) load(ctx context.Context) fleet {
	ctx, cancel := context.WithTimeout(ctx, loadWithin)
	defer cancel()
	var f fleet
	tenants, err := p.deps.Tenants.ListTenants(ctx, &registryv1.ListTenantsRequest{PageSize: most, OrderBy: "display_name"})
	if err != nil {
		f.Notices = append(f.Notices, "The table cannot be shown: "+why(err, "the registry")+".")
	}
	health, err := p.deps.Health.GetFleetHealth(ctx, &healthv1.GetFleetHealthRequest{})
	if err != nil {
		f.Notices = append(f.Notices, "Health is unknown: "+why(err, "the health service")+".")
	}
	f.fill(tenants, health, time.Now())
	return f
}

func why(err error, who string) string {
	switch errs.KindOf(err) {
	case errs.Unavailable, errs.DeadlineExceeded:
		return who + " does not answer"
	case errs.Internal:
		return who + " has a problem of its own"
	}
	return err.Error()
}
