package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traceparent is the header of https://www.w3.org/TR/trace-context/.
const traceparent = "traceparent"

// Traceparent gives the W3C form of the span in ctx, to be kept with work that
// somebody does later; empty when there is no span.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[traceparent]
}

// ContextWithTraceparent makes the span that s names the remote parent of
// spans started from the result. A malformed or empty s changes nothing.
func ContextWithTraceparent(ctx context.Context, s string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceparent: s})
}

// LinkFrom gives a link to the span that s names. A link from a malformed or
// empty s has an invalid span context; OpenTelemetry drops it.
func LinkFrom(s string) trace.Link {
	return trace.LinkFromContext(ContextWithTraceparent(context.Background(), s))
}

// TraceID gives the trace id in ctx in hexadecimal; empty when there is none.
func TraceID(ctx context.Context) string {
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		return sc.TraceID().String()
	}
	return ""
}
