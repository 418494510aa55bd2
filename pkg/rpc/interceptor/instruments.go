package interceptor

import (
	"fmt"

	"go.opentelemetry.io/otel/metric"

	"stampworks.dev/pkg/telemetry"
)

type instruments struct {
	panics   metric.Int64Counter
	refusals metric.Int64Counter
}

func newInstruments(m metric.Meter) (instruments, error) {
	panics, err := m.Int64Counter(telemetry.MetricRPCPanics, metric.WithUnit("{call}"), metric.WithDescription("Calls whose handler panicked."))
	if err != nil {
		return instruments{}, fmt.Errorf("create counter %s: %w", telemetry.MetricRPCPanics, err)
	}
	refusals, err := m.Int64Counter(telemetry.MetricRPCRefusals, metric.WithUnit("{call}"), metric.WithDescription("Calls refused for who called."))
	if err != nil {
		return instruments{}, fmt.Errorf("create counter %s: %w", telemetry.MetricRPCRefusals, err)
	}
	return instruments{panics: panics, refusals: refusals}, nil
}
