package trace

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/metric"

	"stampworks.dev/pkg/telemetry"
)

// WatchDrift reports how much differs in a cell, by kind, until stop is called.
func (t *Tracer) WatchDrift(cell string, count func() map[string]int) (stop func(), err error) {
	drift, err := t.meter.Int64ObservableGauge(telemetry.MetricDrift, metric.WithUnit("{difference}"),
		metric.WithDescription("What differs between the ledgers and the world."))
	if err != nil {
		return nil, fmt.Errorf("create metric %q: %w", telemetry.MetricDrift, err)
	}
	reg, err := t.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for kind, n := range count() {
			o.ObserveInt64(drift, int64(n), metric.WithAttributes(telemetry.Cell.String(cell), telemetry.Kind.String(kind)))
		}
		return nil
	}, drift)
	if err != nil {
		return nil, fmt.Errorf("observe drift of cell %q: %w", cell, err)
	}
	return func() { _ = reg.Unregister() }, nil
}
