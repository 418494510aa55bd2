package gateway

import (
	"context"
	"net/http"
	"strings"

	swgui "github.com/swaggest/swgui/v5emb"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/proto/gen/openapi"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/gateway/internal/auth"
	"stampworks.dev/services/gateway/internal/edge"
	"stampworks.dev/services/gateway/internal/hooks"
	"stampworks.dev/services/gateway/internal/page"
	"stampworks.dev/services/gateway/internal/problem"
	"stampworks.dev/services/gateway/internal/rest"
)

// newHandler puts everything that is served under its path.
func newHandler(ctx context.Context, cfg Config, deps Deps, others *services, tokens *auth.Tokens) (http.Handler, error) {
	api, err := rest.New(ctx, rest.Deps{
		Registry: others.registry, Provisioner: others.provisioner, Health: others.health, Tokens: tokens,
	})
	if err != nil {
		return nil, err
	}
	people := page.New(page.Deps{
		Tenants: registryv1.NewTenantServiceClient(others.registry), Health: healthv1.NewHealthServiceClient(others.health),
		Tokens: tokens, Open: cfg.HTTP.OpenPage,
	})
	// Only pages of our own may send forms here.
	forms := http.NewCrossOriginProtection()
	forms.SetDenyHandler(http.HandlerFunc(foreign))

	mux := http.NewServeMux()
	mux.Handle("/v1/", api)
	mux.Handle("/hooks/{source}", hooks.New(registryv1.NewIntakeServiceClient(others.registry)))
	mux.Handle("/docs", only(http.MethodGet, http.RedirectHandler("/docs/", http.StatusMovedPermanently)))
	mux.Handle("/docs/", only(http.MethodGet, docs()))
	mux.Handle("/openapi.json", only(http.MethodGet, http.HandlerFunc(describe)))
	mux.Handle("/healthz", only(http.MethodGet, http.HandlerFunc(healthz)))
	mux.Handle("/readyz", only(http.MethodGet, readyz(others.ready)))
	mux.Handle("/{$}", only(http.MethodGet, http.HandlerFunc(people.Show)))
	mux.Handle("/fleet/events", only(http.MethodGet, http.HandlerFunc(people.Events)))
	mux.Handle("/sign-in", only(http.MethodPost, forms.Handler(http.HandlerFunc(people.SignIn))))
	mux.Handle("/sign-out", only(http.MethodPost, forms.Handler(http.HandlerFunc(people.SignOut))))
	mux.HandleFunc("/", nothing)
	return edge.Wrap(mux, edge.Deps{Log: deps.Log, Telemetry: deps.Telemetry, Patience: cfg.patience()}), nil
}

// only answers 405 to other methods; HEAD comes with GET.
func only(method string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == method || (method == http.MethodGet && r.Method == http.MethodHead) {
			next.ServeHTTP(w, r)
			return
		}
		allow := method
		if method == http.MethodGet {
			allow += ", " + http.MethodHead
		}
		w.Header().Set("Allow", allow)
		problem.Write(w, r, errs.New(errs.Unimplemented, "METHOD_NOT_ALLOWED", "%s takes no %s, only %s", r.URL.Path, r.Method, allow))
	})
}

// docs shows the API's description, all of it from this process.
func docs() http.Handler {
	ui := swgui.New("Stampworks API", "/openapi.json", "/docs/")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The UI brings a script and styles in its page.
		w.Header().Set("Content-Security-Policy", "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		ui.ServeHTTP(w, r)
	})
}

func describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openapi.JSON)
}

func healthz(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) }

// readyz says whether requests should come here, and who is away all the same.
func readyz(ready func(context.Context) (away []string, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		away, err := ready(r.Context())
		if err != nil {
			problem.Write(w, r, errs.New(errs.Unavailable, "NOT_READY", "%v", err))
			return
		}
		text := "ready\n"
		if len(away) > 0 {
			text = "ready, without " + strings.Join(away, ", ") + "\n"
		}
		_, _ = w.Write([]byte(text))
	}
}

func foreign(w http.ResponseWriter, r *http.Request) {
	problem.Write(w, r, errs.New(errs.PermissionDenied, "ORIGIN_FOREIGN", "this form is not one of ours"))
}

func nothing(w http.ResponseWriter, r *http.Request) {
	problem.Write(w, r, errs.New(errs.NotFound, "PATH_NOT_FOUND", "nothing is at %s; the API is described at /docs", r.URL.Path))
}
