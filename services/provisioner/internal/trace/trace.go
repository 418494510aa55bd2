// Package trace gives the engine its spans and metrics.
//
// The first attempt of an operation that begins within a minute of the request
// is a child of it: one trace from the webhook to the last step. What comes
// later, or by itself (a retry, a repair), is a trace of its own, linked to
// the request. Time in the queue is an attribute and a metric, never a span.
package trace

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	oteltrace "go.opentelemetry.io/otel/trace"

	"stampworks.dev/pkg/telemetry"
)

// prompt is how soon an attempt must begin to belong to its request's trace.
const prompt = time.Minute

// Tracer makes spans and keeps metrics. It is safe for concurrent use.
type Tracer struct {
	// Drivers says which kind of driver each cell has. Set it before use.
	Drivers map[string]string

	tracer   oteltrace.Tracer
	duration metric.Float64Histogram // of operations
	waited   metric.Float64Histogram
	step     metric.Float64Histogram
	meter    metric.Meter
}

// New makes one.
func New(t *telemetry.Telemetry) (*Tracer, error) {
	tr := &Tracer{tracer: t.Tracer(), meter: t.Meter()}
	for _, m := range []struct {
		name, about string
		into        *metric.Float64Histogram
	}{
		{telemetry.MetricOperationDuration, "From the first step of an operation to its end.", &tr.duration},
		{telemetry.MetricOperationWait, "From the request of an operation to its first step.", &tr.waited},
		{telemetry.MetricStepDuration, "Of a step.", &tr.step},
	} {
		h, err := tr.meter.Float64Histogram(m.name, metric.WithUnit("s"), metric.WithDescription(m.about),
			metric.WithExplicitBucketBoundaries(0.005, 0.02, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300))
		if err != nil {
			return nil, fmt.Errorf("create metric %q: %w", m.name, err)
		}
		*m.into = h
	}
	return tr, nil
}

// Queue is a queue as its gauges see it.
type Queue interface {
	// Depth is how many items wait, Age how long the oldest of them has.
	Depth() int
	Age() time.Duration
}

// Watch reports a cell's queue until stop is called.
func (t *Tracer) Watch(cell string, q Queue) (stop func(), err error) {
	depth, err := t.meter.Int64ObservableGauge(telemetry.MetricQueueDepth, metric.WithUnit("{item}"), metric.WithDescription("Tenants that wait for a worker."))
	if err != nil {
		return nil, fmt.Errorf("create metric %q: %w", telemetry.MetricQueueDepth, err)
	}
	age, err := t.meter.Float64ObservableGauge(telemetry.MetricQueueAge, metric.WithUnit("s"), metric.WithDescription("How long the first of them has waited."))
	if err != nil {
		return nil, fmt.Errorf("create metric %q: %w", telemetry.MetricQueueAge, err)
	}
	at := metric.WithAttributes(telemetry.Cell.String(cell))
	reg, err := t.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(depth, int64(q.Depth()), at)
		o.ObserveFloat64(age, q.Age().Seconds(), at)
		return nil
	}, depth, age)
	if err != nil {
		return nil, fmt.Errorf("observe queue of cell %q: %w", cell, err)
	}
	return func() { _ = reg.Unregister() }, nil
}

// Attempt is what an attempt of an operation is traced by.
type Attempt struct {
	Tenant, Cell, Revision string
	// Operation and Kind are empty for work without an operation, a repair.
	Operation, Kind string
	Number          int32
	Token           int64
	// Traceparent is the request's, Asked when it was made.
	Traceparent string
	Asked       time.Time
}

// Begin starts the span of an attempt.
func (t *Tracer) Begin(ctx context.Context, a Attempt, now time.Time) (context.Context, *Span) {
	common := []attribute.KeyValue{
		telemetry.Tenant.String(a.Tenant), telemetry.Cell.String(a.Cell), telemetry.Driver.String(t.Drivers[a.Cell]),
		telemetry.Attempt.Int(int(a.Number)),
	}
	if a.Operation != "" {
		common = append(common, telemetry.Operation.String(a.Operation))
	}
	attrs := append(slices.Clone(common), telemetry.Revision.String(a.Revision), telemetry.Kind.String(a.Kind), telemetry.ClaimToken.Int64(a.Token))
	waited := now.Sub(a.Asked)
	first := a.Operation != "" && a.Number == 1
	if first {
		attrs = append(attrs, telemetry.QueueTime.Float64(waited.Seconds()))
		t.waited.Record(ctx, waited.Seconds(), metric.WithAttributes(telemetry.Kind.String(a.Kind)))
	}
	ctx, origin := from(ctx, a.Traceparent, first && waited < prompt)
	ctx, span := t.tracer.Start(ctx, telemetry.SpanOperation, append(origin, oteltrace.WithAttributes(attrs...))...)
	ctx = context.WithValue(ctx, commonKey{}, common)
	return ctx, &Span{tracer: t, span: span, ctx: ctx, kind: a.Kind, began: now, into: t.duration, measure: a.Operation != ""}
}

// from makes the next span a child of a request, or a root linked to it.
func from(ctx context.Context, traceparent string, child bool) (context.Context, []oteltrace.SpanStartOption) {
	if child {
		return telemetry.ContextWithTraceparent(ctx, traceparent), nil
	}
	return ctx, []oteltrace.SpanStartOption{oteltrace.WithNewRoot(), oteltrace.WithLinks(telemetry.LinkFrom(traceparent))}
}

// commonKey is what the steps of an attempt have in common, in its context.
type commonKey struct{}

// Place starts the span of binding a tenant to a cell, which began earlier: to
// what was asked for, whoever waited for room is linked.
func (t *Tracer) Place(ctx context.Context, a Attempt, began time.Time) (context.Context, oteltrace.Span) {
	ctx, origin := from(ctx, a.Traceparent, began.Sub(a.Asked) < prompt)
	return t.tracer.Start(ctx, telemetry.SpanPlace, append(origin, oteltrace.WithTimestamp(began), oteltrace.WithAttributes(
		telemetry.Tenant.String(a.Tenant), telemetry.Cell.String(a.Cell), telemetry.Driver.String(t.Drivers[a.Cell]), telemetry.Revision.String(a.Revision)))...)
}

// Step starts the span of one step of the attempt that ctx is of.
func (t *Tracer) Step(ctx context.Context, id, component, action string) (context.Context, *Span) {
	common, _ := ctx.Value(commonKey{}).([]attribute.KeyValue)
	ctx, span := t.tracer.Start(ctx, nameOf(action), oteltrace.WithAttributes(common...), oteltrace.WithAttributes(
		telemetry.Step.String(id), telemetry.Component.String(component), telemetry.Kind.String(action)))
	return ctx, &Span{tracer: t, span: span, ctx: ctx, kind: action, began: time.Now(), into: t.step, measure: true}
}

// nameOf gives the name of the span of an action, in the words of the API.
func nameOf(action string) string {
	switch action {
	case "smoke":
		return telemetry.SpanSmoke
	case "report":
		return telemetry.SpanReport
	case "setup", "migrate", "backup", "restore", "task":
		return telemetry.SpanJob
	}
	return telemetry.SpanStep
}

// Span is one span with the metric that goes with it.
type Span struct {
	tracer  *Tracer
	span    oteltrace.Span
	ctx     context.Context // carries the span, for exemplars
	kind    string
	began   time.Time
	into    metric.Float64Histogram
	measure bool
}

// End ends it with an outcome such as "SUCCEEDED", and an error if there was one.
func (s *Span) End(outcome string, err error) {
	s.span.SetAttributes(telemetry.Outcome.String(outcome))
	if err != nil {
		s.span.SetStatus(codes.Error, err.Error())
	}
	if s.measure {
		s.into.Record(s.ctx, time.Since(s.began).Seconds(),
			metric.WithAttributes(telemetry.Kind.String(s.kind), telemetry.Outcome.String(outcome)))
	}
	s.span.End()
}
