package gateway

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/pkg/testkit"
)

func newRecordingProvider(r *tracetest.SpanRecorder) trace.TracerProvider {
	return sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r))
}

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceparent  = "Traceparent: 00-" + callersTrace + "-00f067aa0ba902b7-01"
)

// served waits for the span of the one request that a test made.
func (f *front) served(t *testing.T, name string) sdktrace.ReadOnlySpan {
	t.Helper()
	var found sdktrace.ReadOnlySpan
	testkit.Eventually(t, 5*time.Second, func() error {
		for _, s := range f.spans.Ended() {
			if s.SpanKind() == trace.SpanKindServer && s.Name() == name {
				found = s
				return nil
			}
		}
		return errNoSpan
	})
	return found
}

var errNoSpan = context.DeadlineExceeded

func TestAnAPICallContinuesItsCallersTrace(t *testing.T) {
	f := open(t)
	a := f.send(t, http.MethodGet, "/v1/tenants/acme", "", adminToken, traceparent)
	if a.header.Get("X-Trace-Id") != callersTrace || !strings.Contains(a.header.Get("Server-Timing"), `traceparent;desc="00-`+callersTrace+"-") {
		t.Errorf("got %v", a.header)
	}
	if got := f.registry.last().trace.TraceID().String(); got != callersTrace {
		t.Errorf("the registry sees trace %s", got)
	}
	f.served(t, "GET /v1/{name=tenants/*}") // named by its route
}

func TestAMessageBeginsATraceOfItsOwn(t *testing.T) {
	f := open(t)
	f.registry.receive = func(context.Context, *registryv1.ReceiveDeliveryRequest) (*registryv1.ReceiveDeliveryResponse, error) {
		return &registryv1.ReceiveDeliveryResponse{Status: 202}, nil
	}
	a := f.send(t, http.MethodPost, "/hooks/hubspot", "{}", traceparent, "Baggage: who=stranger")
	own := a.header.Get("X-Trace-Id")
	if own == "" || own == callersTrace {
		t.Errorf("X-Trace-Id is %q", own)
	}
	last := f.registry.last()
	if got := last.trace.TraceID().String(); got != own {
		t.Errorf("the registry sees trace %s, want %s", got, own)
	}
	if len(last.metadata.Get("baggage")) > 0 {
		t.Errorf("a stranger's baggage came through: %v", last.metadata)
	}
	links := f.served(t, "POST /hooks/{source}").Links()
	if len(links) != 1 || links[0].SpanContext.TraceID().String() != callersTrace {
		t.Errorf("links: %v", links)
	}
}
