package rpc_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/internal/echo"
	"stampworks.dev/pkg/telemetry"
)

func setup(t *testing.T, service string) (*telemetry.Telemetry, *tracetest.SpanRecorder) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	tel, err := telemetry.Setup(t.Context(), telemetry.Config{Service: service}, telemetry.Deps{Processors: []sdktrace.SpanProcessor{spans}})
	if err != nil {
		t.Fatal(err)
	}
	return tel, spans
}

func TestOneTraceGoesThroughTheCall(t *testing.T) {
	serverTel, serverSpans := setup(t, "tenant-registry")
	clientTel, clientSpans := setup(t, "gateway")
	srv := serveWith(t, rpc.ServerDeps{Telemetry: serverTel}, func(ctx context.Context, _ string) (string, error) {
		return telemetry.TraceID(ctx), nil
	})
	conn := srv.DialWith(t, "gateway", rpc.ClientDeps{Telemetry: clientTel})
	ctx, span := clientTel.Tracer().Start(t.Context(), "request")
	got, err := echo.Call(ctx, conn, "GetNote", "x")
	span.End()
	if want := telemetry.TraceID(ctx); err != nil || got != want {
		t.Errorf("the handler is in trace %q (%v), want %q", got, err, want)
	}
	for _, s := range serverSpans.Ended() {
		if !slices.Contains(s.Attributes(), telemetry.Principal.String("services/gateway")) {
			t.Errorf("span %s does not say on whose behalf: %v", s.Name(), s.Attributes())
		}
	}
	if n := len(clientSpans.Ended()); n != 2 {
		t.Errorf("the client made %d spans, want the request and the call", n)
	}

	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Fatal(err)
	}
	if got, err := chat(t, t.Context(), conn, "WatchNotes", "x"); err == nil && got != "" {
		t.Errorf("a watch is in trace %q", got)
	}
	for _, s := range append(serverSpans.Started(), clientSpans.Started()...) {
		if strings.Contains(s.Name(), "Watch") || strings.Contains(s.Name(), "Health") {
			t.Errorf("span %s was made", s.Name())
		}
	}
}

func TestRefusalsAndPanicsAreCounted(t *testing.T) {
	tel, _ := setup(t, "tenant-registry")
	srv := serveWith(t, rpc.ServerDeps{Telemetry: tel}, func(context.Context, string) (string, error) { panic("oh") })
	_, _ = echo.Call(t.Context(), srv.Dial(t, "health"), "GetNote", "x")
	_, _ = echo.Call(t.Context(), srv.Dial(t, "gateway"), "GetNote", "x")
	page := httptest.NewRecorder()
	tel.Handler().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`stampworks_rpc_refusals_total{stampworks_reason="CALLER_NOT_ALLOWED",stampworks_rpc="` + echo.Method("GetNote") + `"} 1`,
		`stampworks_rpc_panics_total{stampworks_rpc="` + echo.Method("GetNote") + `"} 1`,
	} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("%s is not in\n%s", want, page.Body.String())
		}
	}
}
