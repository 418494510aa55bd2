package edge

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/trace"

	"stampworks.dev/pkg/telemetry"
)

// traced begins or continues a trace for every request that is worth one.
// Messages of CRMs come from the public: a trace that they claim to belong to
// becomes a link, and their baggage is left at the door.
func traced(next http.Handler, t *telemetry.Telemetry) http.Handler {
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if isHook(r) {
			ctx = baggage.ContextWithoutBaggage(ctx)
		}
		asked := r
		r = r.WithContext(context.WithValue(ctx, routeKey{}, &asked.Pattern))
		next.ServeHTTP(w, r)
		if asked.Pattern == "" {
			asked.Pattern = r.Pattern // what otelhttp names the span and the metric after
		}
	})
	return otelhttp.NewHandler(inner, "http",
		otelhttp.WithTracerProvider(t.TracerProvider),
		otelhttp.WithMeterProvider(t.MeterProvider),
		otelhttp.WithPropagators(t.Propagator),
		otelhttp.WithPublicEndpointFn(isHook),
		otelhttp.WithFilter(func(r *http.Request) bool { return r.URL.Path != "/healthz" && r.URL.Path != "/readyz" }),
		otelhttp.WithSpanNameFormatter(spanName),
	)
}

// nameTrace tells the caller under which trace its request is found; browsers
// show Server-Timing.
func nameTrace(w http.ResponseWriter, r *http.Request) {
	span := trace.SpanContextFromContext(r.Context())
	if !span.IsValid() {
		return
	}
	w.Header().Set("X-Trace-Id", span.TraceID().String())
	w.Header().Set("Server-Timing", fmt.Sprintf(`traceparent;desc="00-%s-%s-%s"`, span.TraceID(), span.SpanID(), span.TraceFlags()))
}

func isHook(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/hooks/") }

type routeKey struct{}

// Route says which route a request took, where more is known than the pattern
// of the server's mux. It has few values, whatever is asked for.
func Route(ctx context.Context, route string) {
	if pattern, ok := ctx.Value(routeKey{}).(*string); ok {
		*pattern = route
	}
}

// spanName is the method at first, and with the route once that is known.
func spanName(_ string, r *http.Request) string {
	if r.Pattern == "" {
		return r.Method
	}
	return r.Method + " " + r.Pattern
}
