package replica

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/metric"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/pkg/telemetry"
)

// gauges are the metrics that have a tenant's name on them.
type gauges struct {
	state, info metric.Int64ObservableGauge
	answer      metric.Float64ObservableGauge
}

// measure tells metrics what is held of each tenant while this replica asks.
func (r *Replica) measure(meter metric.Meter) error {
	var g gauges
	var bad [3]error
	g.state, bad[0] = meter.Int64ObservableGauge(telemetry.MetricTenantHealth, metric.WithDescription("1 for the state that a tenant is in."))
	g.info, bad[1] = meter.Int64ObservableGauge(telemetry.MetricTenantInfo, metric.WithDescription("1 for the revision that a tenant runs, and its cell."))
	g.answer, bad[2] = meter.Float64ObservableGauge(telemetry.MetricTenantProbe, metric.WithUnit("s"),
		metric.WithDescription("How long the last answer of a component, or of the customer's address, took."))
	if err := errors.Join(bad[:]...); err != nil {
		return err
	}
	_, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, m := range r.monitors() {
			for _, h := range m.All() {
				id := tenantOf(h)
				g.observe(o, id, h, m.Stamp(id))
			}
		}
		return nil
	}, g.state, g.info, g.answer)
	return err
}

func (g gauges) observe(o metric.Observer, id string, h *healthv1.TenantHealth, s *provisionerv1.Stamp) {
	tenant := telemetry.Tenant.String(id)
	o.ObserveInt64(g.state, 1, metric.WithAttributes(tenant, telemetry.State.String(h.GetState().String())))
	if s != nil {
		o.ObserveInt64(g.info, 1, metric.WithAttributes(tenant,
			telemetry.Revision.String(s.GetRevision()), telemetry.Cell.String(cellOf(s))))
	}
	for _, c := range append(h.GetComponents(), h.GetEndpoint()) {
		if c.GetCheckTime().AsTime().Unix() > 0 { // it was asked at all
			o.ObserveFloat64(g.answer, c.GetLatency().AsDuration().Seconds(), metric.WithAttributes(tenant, telemetry.Component.String(c.GetName())))
		}
	}
}
