package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/attribute"
	promexport "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func newPropagator() propagation.TextMapPropagator {
	return propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
}

// newResource describes the service; OTEL_RESOURCE_ATTRIBUTES and
// OTEL_SERVICE_NAME win over the configuration.
func newResource(ctx context.Context, cfg Config) (*resource.Resource, error) {
	attrs := []attribute.KeyValue{attribute.String("service.name", cfg.Service)}
	if cfg.Version != "" {
		attrs = append(attrs, attribute.String("service.version", cfg.Version))
	}
	if cfg.Instance != "" {
		attrs = append(attrs, attribute.String("service.instance.id", cfg.Instance))
	}
	res, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithAttributes(attrs...), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describe service %q: %w", cfg.Service, err)
	}
	return res, nil
}

func (t *Telemetry) setupMetrics(ctx context.Context, res *resource.Resource, log *slog.Logger) error {
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	local, err := promexport.New(
		promexport.WithRegisterer(t.registry),
		promexport.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithSuffixes),
		promexport.WithoutScopeInfo(),
	)
	if err != nil {
		return fmt.Errorf("create prometheus exporter: %w", err)
	}
	opts := []sdkmetric.Option{sdkmetric.WithResource(res), sdkmetric.WithReader(local)}
	if wanted("METRICS") {
		remote, err := autoexport.NewMetricReader(ctx)
		if err != nil {
			return fmt.Errorf("create metric exporter: %w", err)
		}
		opts = append(opts, sdkmetric.WithReader(remote))
		log.Info("metrics are exported", "exporter", exporterName("METRICS"))
	}
	provider := sdkmetric.NewMeterProvider(opts...)
	t.MeterProvider = provider
	t.shutdown = append(t.shutdown, provider.Shutdown)
	return nil
}

func (t *Telemetry) setupTraces(ctx context.Context, res *resource.Resource, log *slog.Logger, processors []sdktrace.SpanProcessor) error {
	opts := []sdktrace.TracerProviderOption{sdktrace.WithResource(res)}
	for _, p := range processors {
		opts = append(opts, sdktrace.WithSpanProcessor(p))
	}
	if wanted("TRACES") {
		exporter, err := autoexport.NewSpanExporter(ctx)
		if err != nil {
			return fmt.Errorf("create span exporter: %w", err)
		}
		opts = append(opts, sdktrace.WithBatcher(exporter))
		log.Info("traces are exported", "exporter", exporterName("TRACES"))
	}
	provider := sdktrace.NewTracerProvider(opts...)
	t.TracerProvider = provider
	t.shutdown = append(t.shutdown, provider.Shutdown)
	return nil
}

// wanted reports whether the environment asks for an exporter of the signal
// (TRACES, METRICS). The specification's default, OTLP to localhost, is
// turned round: without a word, nothing is sent. The prometheus exporter does
// not count, as Handler serves those metrics anyway.
func wanted(signal string) bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	switch strings.ToLower(os.Getenv("OTEL_" + signal + "_EXPORTER")) {
	case "none", "prometheus":
		return false
	case "":
		return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") != ""
	default:
		return true
	}
}

func exporterName(signal string) string {
	if name := os.Getenv("OTEL_" + signal + "_EXPORTER"); name != "" {
		return name
	}
	return "otlp"
}
