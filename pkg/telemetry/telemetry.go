package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// scope is the instrumentation scope of everything of ours.
const scope = "stampworks.dev"

// Config says who reports. Where to is up to the OTEL_* variables.
type Config struct {
	// Service becomes service.name unless OTEL_SERVICE_NAME is set.
	Service string
	// Version becomes service.version.
	Version string
	// Instance becomes service.instance.id; empty leaves it out.
	Instance string
}

// Deps are what Setup needs. A nil logger discards.
type Deps struct {
	Log *slog.Logger
	// Processors see every span besides the configured exporters; tests record
	// spans with one.
	Processors []sdktrace.SpanProcessor
}

// Telemetry is what a service reports with. It is safe for concurrent use.
type Telemetry struct {
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	// Propagator is W3C trace context and baggage.
	Propagator propagation.TextMapPropagator

	registry *prometheus.Registry
	shutdown []func(context.Context) error
}

// Setup builds a Telemetry. It neither reads nor sets OpenTelemetry's globals.
func Setup(ctx context.Context, cfg Config, deps Deps) (*Telemetry, error) {
	log := deps.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	res, err := newResource(ctx, cfg)
	if err != nil {
		return nil, err
	}
	t := &Telemetry{Propagator: newPropagator(), registry: prometheus.NewRegistry()}
	if err := t.setupMetrics(ctx, res, log); err != nil {
		return nil, err
	}
	if err := t.setupTraces(ctx, res, log, deps.Processors); err != nil {
		return nil, errors.Join(err, t.Shutdown(ctx))
	}
	return t, nil
}

// Discard gives a Telemetry that exports nothing and serves no metrics, but
// makes real trace ids. Its shutdown has nothing to do.
func Discard() *Telemetry {
	return &Telemetry{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithResource(resource.Empty())),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithResource(resource.Empty())),
		Propagator:     newPropagator(),
		registry:       prometheus.NewRegistry(),
	}
}

// Tracer gives the tracer for spans of ours.
func (t *Telemetry) Tracer() trace.Tracer { return t.TracerProvider.Tracer(scope) }

// Meter gives the meter for metrics of ours.
func (t *Telemetry) Meter() metric.Meter { return t.MeterProvider.Meter(scope) }

// Handler serves the metrics: the Prometheus text format, or OpenMetrics with
// exemplars to those who accept it.
func (t *Telemetry) Handler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// Shutdown sends what is still buffered and closes the exporters. Give it a
// context with a deadline; further calls do nothing.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	var all []error
	for _, stop := range t.shutdown {
		all = append(all, stop(ctx))
	}
	t.shutdown = nil
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("shut down telemetry: %w", err)
	}
	return nil
}
