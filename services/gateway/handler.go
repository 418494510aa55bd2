package gateway

import (
	"context"
	"net/http"

	swgui "github.com/swaggest/swgui/v5emb"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/trace"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/proto/gen/openapi"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/gateway/internal/auth"
	"stampworks.dev/services/gateway/internal/hooks"
	"stampworks.dev/services/gateway/internal/page"
	"stampworks.dev/services/gateway/internal/problem"
	"stampworks.dev/services/gateway/internal/rest"
)

// newHandler puts everything that is served under its path.
func newHandler(ctx context.Context, cfg Config, deps Deps, others services, tokens *auth.Tokens) (http.Handler, error) {
	api, err := rest.New(ctx, rest.Deps{
		Registry: others.registry, Provisioner: others.provisioner, Health: others.health, Tokens: tokens,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", api)
	mux.Handle("/hooks/{source}", hooks.New(registryv1.NewIntakeServiceClient(others.registry)))
	mux.Handle("/docs/", swgui.New("Stampworks API", "/openapi.json", "/docs/"))
	mux.Handle("GET /docs", http.RedirectHandler("/docs/", http.StatusMovedPermanently))
	mux.HandleFunc("GET /openapi.json", describe)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", readyz(others.ready))
	mux.HandleFunc("/", nothing)
	page.New(page.Deps{
		Tenants: registryv1.NewTenantServiceClient(others.registry), Health: healthv1.NewHealthServiceClient(others.health),
		Tokens: tokens, Open: cfg.HTTP.OpenPage,
	}).Register(mux)
	return traced(mux, deps), nil
}

// traced begins or continues a trace for every request that is worth one, and
// tells the caller which. Messages of CRMs come from the public: their trace
// becomes a link.
func traced(next http.Handler, deps Deps) http.Handler {
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if span := trace.SpanContextFromContext(r.Context()); span.IsValid() {
			w.Header().Set("X-Trace-Id", span.TraceID().String())
			w.Header().Set("Server-Timing", `traceparent;desc="00-`+span.TraceID().String()+"-"+span.SpanID().String()+`-01"`)
		}
		next.ServeHTTP(w, r)
	})
	return otelhttp.NewHandler(inner, "http",
		otelhttp.WithTracerProvider(deps.Telemetry.TracerProvider),
		otelhttp.WithMeterProvider(deps.Telemetry.MeterProvider),
		otelhttp.WithPropagators(deps.Telemetry.Propagator),
		otelhttp.WithPublicEndpointFn(isHook),
		otelhttp.WithFilter(func(r *http.Request) bool { return r.URL.Path != "/healthz" && r.URL.Path != "/readyz" }),
		otelhttp.WithSpanNameFormatter(spanName),
	)
}

func isHook(r *http.Request) bool { return len(r.URL.Path) > 7 && r.URL.Path[:7] == "/hooks/" }

// spanName has few values, whatever is asked for.
func spanName(_ string, r *http.Request) string {
	switch {
	case isHook(r):
		return r.Method + " /hooks/{source}"
	case len(r.URL.Path) > 4 && r.URL.Path[:4] == "/v1/":
		return r.Method + " /v1"
	}
	return r.Method
}

func describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openapi.JSON)
}

func readyz(ready func(context.Context) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := ready(r.Context()); err != nil {
			problem.Write(w, r, errs.New(errs.Unavailable, "NOT_READY", "%v", err))
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	}
}

func nothing(w http.ResponseWriter, r *http.Request) {
	problem.Write(w, r, errs.New(errs.NotFound, "PATH_NOT_FOUND", "nothing is at %s; the API is described at /docs", r.URL.Path))
}
