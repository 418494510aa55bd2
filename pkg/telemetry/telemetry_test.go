package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"stampworks.dev/pkg/telemetry"
)

func setup(t *testing.T, service string) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.Setup(t.Context(), telemetry.Config{Service: service, Version: "1.2.3"}, telemetry.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := tel.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return tel
}

func metrics(tel *telemetry.Telemetry) string {
	page := httptest.NewRecorder()
	tel.Handler().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return page.Body.String()
}

func TestTraceIDsAreRealWithoutAnExporter(t *testing.T) {
	for name, tel := range map[string]*telemetry.Telemetry{"setup": setup(t, "a"), "discard": telemetry.Discard()} {
		ctx, span := tel.Tracer().Start(t.Context(), telemetry.SpanStep)
		if sc := span.SpanContext(); !sc.IsValid() || !sc.IsSampled() {
			t.Errorf("%s: %+v", name, sc)
		}
		if len(telemetry.TraceID(ctx)) != 32 {
			t.Errorf("%s: trace id %q", name, telemetry.TraceID(ctx))
		}
		span.End()
	}
}

func TestFourServicesInOneProcess(t *testing.T) {
	before := otel.GetTracerProvider()
	a, b := setup(t, "registry"), setup(t, "health")
	for tel, n := range map[*telemetry.Telemetry]int64{a: 3, b: 5} {
		c, err := tel.Meter().Int64Counter(telemetry.MetricDeliveries)
		if err != nil {
			t.Fatal(err)
		}
		c.Add(t.Context(), n)
	}
	for tel, want := range map[*telemetry.Telemetry][]string{
		a: {"stampworks_deliveries_total 3", `service_name="registry"`, `service_version="1.2.3"`, "go_goroutines"},
		b: {"stampworks_deliveries_total 5", `service_name="health"`},
	} {
		for _, w := range want {
			if text := metrics(tel); !strings.Contains(text, w) {
				t.Errorf("%s is not in\n%s", w, text)
			}
		}
	}
	if otel.GetTracerProvider() != before {
		t.Error("Setup changed a global")
	}
}

func TestTraceparent(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	ctx := telemetry.ContextWithTraceparent(t.Context(), parent)
	if got := telemetry.Traceparent(ctx); got != parent {
		t.Errorf("got %q", got)
	}
	_, span := telemetry.Discard().Tracer().Start(ctx, "child")
	if got := span.SpanContext().TraceID().String(); got != "4bf92f3577b34da6a3ce929d0e0e4736" {
		t.Errorf("the child is in trace %s", got)
	}
	if link := telemetry.LinkFrom(parent); link.SpanContext.SpanID().String() != "00f067aa0ba902b7" {
		t.Errorf("link: %+v", link)
	}
	for _, wrong := range []string{"", "00-00-00-00", "nonsense"} {
		if got := telemetry.Traceparent(telemetry.ContextWithTraceparent(t.Context(), wrong)); got != "" {
			t.Errorf("%q became %q", wrong, got)
		}
		if telemetry.LinkFrom(wrong).SpanContext.IsValid() {
			t.Errorf("%q makes a link", wrong)
		}
	}
}

func TestSpansGoToTheCollectorThatTheEnvironmentNames(t *testing.T) {
	var spans atomic.Int32
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/v1/traces" && bytes.Contains(body, []byte("provisioner")) {
			spans.Add(1)
		}
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	for _, c := range []struct {
		exporter, disabled string
		want               int32
	}{{"none", "", 0}, {"", "true", 0}, {"", "", 1}, {"otlp", "", 1}} {
		spans.Store(0)
		t.Setenv("OTEL_TRACES_EXPORTER", c.exporter)
		t.Setenv("OTEL_SDK_DISABLED", c.disabled)
		tel, err := telemetry.Setup(t.Context(), telemetry.Config{Service: "provisioner"}, telemetry.Deps{})
		if err != nil {
			t.Fatal(err)
		}
		_, span := tel.Tracer().Start(t.Context(), telemetry.SpanStep)
		span.End()
		if err := tel.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if got := spans.Load(); got != c.want {
			t.Errorf("OTEL_TRACES_EXPORTER=%q OTEL_SDK_DISABLED=%q: the collector got %d spans, want %d", c.exporter, c.disabled, got, c.want)
		}
	}
}

func TestAnUnknownExporterFailsAtStart(t *testing.T) {
	t.Setenv("OTEL_TRACES_EXPORTER", "carrier-pigeon")
	if _, err := telemetry.Setup(t.Context(), telemetry.Config{Service: "a"}, telemetry.Deps{}); err == nil {
		t.Error("it was accepted")
	}
}

func TestLogLinesHaveUnitsAndNames(t *testing.T) {
	var out bytes.Buffer
	telemetry.NewLogger(&out, nil).Info("x", "took", 1646658*time.Nanosecond, "kind", time.Friday, "bytes", 5)
	for _, want := range []string{`"took":"1.647ms"`, `"kind":"Friday"`, `"bytes":5`, `"level":"INFO"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is not in %s", want, out.String())
		}
	}
}

func TestLogLinesCarryTheTrace(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, slog.LevelInfo).With("service", "x").WithGroup("g").With("deep", true)
	ctx, span := telemetry.Discard().Tracer().Start(t.Context(), "s")
	log.InfoContext(ctx, "with", "k", 1)
	log.Info("without")
	log.DebugContext(ctx, "too low")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("got %d lines: %s", len(lines), out.String())
	}
	var with map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &with); err != nil {
		t.Fatal(err)
	}
	if with["trace_id"] != telemetry.TraceID(ctx) || with["span_id"] != span.SpanContext().SpanID().String() || with["service"] != "x" {
		t.Errorf("got %v", with)
	}
	if g, _ := with["g"].(map[string]any); g["deep"] != true || g["k"] != 1.0 {
		t.Errorf("group: got %v", with)
	}
	if strings.Contains(lines[1], "trace_id") {
		t.Errorf("a line without a span: %s", lines[1])
	}
	if trace.SpanFromContext(t.Context()).SpanContext().IsValid() {
		t.Error("the test's own context has a span")
	}
}
