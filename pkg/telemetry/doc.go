// Package telemetry sets up traces, metrics and logs of a service.
//
// The contract:
//
//   - Everything is configured by the standard OTEL_* variables of the
//     OpenTelemetry specification, and nothing is exported unless one of them
//     asks for it: OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER,
//     OTEL_EXPORTER_OTLP_ENDPOINT or its per-signal forms.
//   - Real, sampled trace ids and W3C propagation are always there, exporter
//     or not: people find an operation by its trace id even when no tracing
//     backend runs. OTEL_TRACES_SAMPLER is honoured.
//   - Metrics are always kept and served by Handler in Prometheus or
//     OpenMetrics form, the latter with exemplars.
//   - A Telemetry is a value to pass on, never a global: four services in one
//     process have four of them, each with its own service.name.
//   - The names of all spans, attributes and metrics are constants of this
//     package (names.go).
//
// Example:
//
//	tel, err := telemetry.Setup(ctx, telemetry.Config{Service: "provisioner", Version: v}, telemetry.Deps{Log: log})
//	if err != nil {
//		return err
//	}
//	defer tel.Shutdown(context.WithoutCancel(ctx))
//	ctx, span := tel.Tracer().Start(ctx, telemetry.SpanStep)
//	defer span.End()
package telemetry
