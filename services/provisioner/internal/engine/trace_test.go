package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
)

// traced is a world whose spans, and whose programs' environments, are kept.
type traced struct {
	*world
	spans   *tracetest.SpanRecorder
	request oteltrace.SpanContext

	mu       sync.Mutex
	jobs     map[string]map[string]string // by the id's first part
	programs []map[string]string
}

// newTraced starts a replica and wishes for acme within a request. The first
// setup fails.
func newTraced(t *testing.T) *traced {
	w := &traced{spans: tracetest.NewSpanRecorder(), jobs: map[string]map[string]string{}}
	tel, err := telemetry.Setup(t.Context(), telemetry.Config{Service: "provisioner"}, telemetry.Deps{Processors: []sdktrace.SpanProcessor{w.spans}})
	if err != nil {
		t.Fatal(err)
	}
	failed := false
	w.world = newWorld(t, memory.Config{
		Lines: func(c driver.Component) []string {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.programs = append(w.programs, c.Telemetry)
			return nil
		},
		Job: func(_ context.Context, _ driver.Ref, _ driver.Manifest, j driver.Job) (driver.JobResult, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if strings.HasPrefix(j.ID, "db.setup") && !failed {
				failed = true
				return driver.JobResult{ExitCode: 1}, nil
			}
			id, _, _ := strings.Cut(j.ID, "-")
			w.jobs[id] = j.Env
			return driver.JobResult{}, nil
		},
	})
	w.start(options{places: true, tel: tel})
	ctx, span := tel.Tracer().Start(t.Context(), "request")
	w.request = span.SpanContext()
	w.registry.Wish("acme", func(t *registryv1.Tenant) {
		t.Blueprint, t.Plan, t.Traceparent = w.rev1, "standard", telemetry.Traceparent(ctx)
	})
	span.End()
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	testkit.Eventually(t, soon, func() error { // the spans end after the operation
		if n := len(w.named(telemetry.SpanOperation)); n < 2 {
			return fmt.Errorf("%d attempts have ended", n)
		}
		return nil
	})
	return w
}

// named gives the ended spans of a name, in order of their beginning.
func (w *traced) named(name string) []sdktrace.ReadOnlySpan {
	all := slices.DeleteFunc(w.spans.Ended(), func(s sdktrace.ReadOnlySpan) bool { return s.Name() != name })
	slices.SortFunc(all, func(a, b sdktrace.ReadOnlySpan) int { return a.StartTime().Compare(b.StartTime()) })
	return all
}

func wantAttributes(t *testing.T, s sdktrace.ReadOnlySpan, want ...attribute.KeyValue) {
	t.Helper()
	for _, one := range want {
		if !slices.Contains(s.Attributes(), one) {
			t.Errorf("span %s has %v, without %v", s.Name(), s.Attributes(), one)
		}
	}
}

// The trace of a stamping goes from the request to every step; what comes later
// is a trace of its own, linked to the request.
func TestTraces(t *testing.T) {
	t.Parallel()
	w := newTraced(t)
	place := w.named(telemetry.SpanPlace)
	if len(place) != 1 || place[0].Parent().SpanID() != w.request.SpanID() {
		t.Errorf("placed in %d spans: %v", len(place), place)
	}
	attempts := w.named(telemetry.SpanOperation)
	first, second := attempts[0], attempts[1]
	if first.Parent().SpanID() != w.request.SpanID() || len(first.Links()) != 0 {
		t.Errorf("the first attempt has parent %v and links %v", first.Parent(), first.Links())
	}
	if second.Parent().IsValid() || len(second.Links()) != 1 || second.Links()[0].SpanContext.SpanID() != w.request.SpanID() ||
		second.SpanContext().TraceID() == w.request.TraceID() {
		t.Errorf("the second attempt has parent %v and links %v", second.Parent(), second.Links())
	}
	if id := w.operation("acme", 1).GetTraceId(); id != second.SpanContext().TraceID().String() {
		t.Errorf("the operation is in trace %s, its last attempt in %s", id, second.SpanContext().TraceID())
	}
	seen := map[string]int{}
	for _, name := range []string{telemetry.SpanStep, telemetry.SpanJob, telemetry.SpanSmoke, telemetry.SpanReport} {
		for _, s := range w.named(name) {
			seen[name]++
			attempt, number := first, 1
			if s.Parent().SpanID() == second.SpanContext().SpanID() {
				attempt, number = second, 2
			}
			if s.Parent().SpanID() != attempt.SpanContext().SpanID() {
				t.Errorf("span %s is of no attempt: %v", name, s.Attributes())
			}
			wantAttributes(t, s, telemetry.Tenant.String("acme"), telemetry.Operation.String("operations/acme.1"),
				telemetry.Attempt.Int(number), telemetry.Cell.String("one"), telemetry.Driver.String("memory"))
		}
	}
	if seen[telemetry.SpanStep] < 6 || seen[telemetry.SpanJob] < 3 || seen[telemetry.SpanSmoke] < 2 || seen[telemetry.SpanReport] < 1 {
		t.Errorf("spans by name: %v", seen)
	}
	wantAttributes(t, first, telemetry.Tenant.String("acme"), telemetry.Operation.String("operations/acme.1"), telemetry.Driver.String("memory"))
}

// What a stamp runs is told where it belongs.
func TestProgramsAreTold(t *testing.T) {
	t.Parallel()
	w := newTraced(t)
	parents := map[string]string{}
	for _, s := range append(w.named(telemetry.SpanJob), w.named(telemetry.SpanSmoke)...) {
		for _, a := range s.Attributes() {
			if a.Key == telemetry.Step {
				parents[a.Value.AsString()] = s.SpanContext().SpanID().String() // of the last attempt
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, job := range []string{"db.setup", "app.migrate"} {
		if parent := w.jobs[job]["TRACEPARENT"]; parents[job] == "" || !strings.Contains(parent, "-"+parents[job]+"-") {
			t.Errorf("job %s was told TRACEPARENT=%s, its span is %s", job, parent, parents[job])
		}
	}
	if len(w.programs) == 0 {
		t.Fatal("nothing was started")
	}
	for _, env := range w.programs {
		got := env["OTEL_RESOURCE_ATTRIBUTES"]
		if !strings.HasPrefix(got, "stampworks.tenant=acme,stampworks.component=") || !strings.HasSuffix(got, ",stampworks.revision=1.0.0") {
			t.Errorf("a program was told OTEL_RESOURCE_ATTRIBUTES=%s", got)
		}
	}
}
