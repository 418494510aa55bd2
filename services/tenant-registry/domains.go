package tenantregistry

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/metric"

	"stampworks.dev/pkg/lifecycle"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/services/tenant-registry/internal/blueprints"
	"stampworks.dev/services/tenant-registry/internal/cell"
	"stampworks.dev/services/tenant-registry/internal/delivery"
	"stampworks.dev/services/tenant-registry/internal/server"
	"stampworks.dev/services/tenant-registry/internal/source"
	"stampworks.dev/services/tenant-registry/internal/tenant"
	"stampworks.dev/services/tenant-registry/internal/timeline"
)

// domains is everything behind the RPCs.
type domains struct {
	server.Deps

	sweep func(context.Context)
}

func newDomains(cfg Config, deps Deps, backend store.Backend) (domains, error) {
	lines := timeline.New(backend, cfg.Prefix)
	catalog := blueprints.New(backend, cfg.Prefix)
	tenants := tenant.New(tenant.Deps{
		Backend: backend, Prefix: cfg.Prefix, Catalog: catalog, Timeline: lines, Log: deps.Log, Retention: cfg.DeleteRetention,
	})
	sources, deliveries, err := newIntake(cfg, deps, backend, tenants)
	if err != nil {
		return domains{}, err
	}
	d := domains{Deps: server.Deps{
		Tenants: tenants, Timeline: lines, Catalog: catalog, Cells: cell.New(backend, cfg.Prefix), Sources: sources, Deliveries: deliveries,
	}}
	d.sweep = func(ctx context.Context) {
		for name, sweep := range map[string]func(context.Context, time.Time) error{
			"timeline": lines.Sweep, "tenants": tenants.Sweep, "sources": sources.Sweep, "deliveries": deliveries.Sweep,
		} {
			if err := sweep(ctx, time.Now()); err != nil && ctx.Err() == nil {
				deps.Log.WarnContext(ctx, "sweep", "what", name, "error", err)
			}
		}
	}
	return d, d.count(deps.Telemetry)
}

func newIntake(cfg Config, deps Deps, backend store.Backend, tenants *tenant.Tenants) (*source.Sources, *delivery.Deliveries, error) {
	keys, err := source.OpenKeys(cfg.keyFile(), backend, cfg.Prefix, deps.Log)
	if err != nil {
		return nil, nil, err
	}
	sources := source.New(source.Deps{Backend: backend, Prefix: cfg.Prefix, Keys: keys, PublicURL: cfg.PublicURL})
	deliveries, err := delivery.New(delivery.Deps{
		Backend: backend, Prefix: cfg.Prefix, Sources: sources, Tenants: tenants, Log: deps.Log, Telemetry: deps.Telemetry,
	})
	return sources, deliveries, err
}

// addTo starts what works without being asked.
func (d domains) addTo(group *lifecycle.Group) {
	group.Add("tenants", d.Tenants.Run)
	group.Add("blueprints", d.Catalog.Run)
	group.Add("deliveries", d.Deliveries.Run)
	group.Add("keys", d.Sources.RunKeys)
	group.Add("worker", d.Deliveries.Work)
	group.Add("sweep", func(ctx context.Context) error {
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				d.sweep(ctx)
			}
		}
	})
}

// count reports the tenants by state.
func (d domains) count(t *telemetry.Telemetry) error {
	_, err := t.Meter().Int64ObservableGauge(telemetry.MetricTenants, metric.WithUnit("{tenant}"),
		metric.WithDescription("Tenants by state."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			for state, n := range d.Tenants.CountByState() {
				o.Observe(int64(n), metric.WithAttributes(telemetry.State.String(state.String())))
			}
			return nil
		}))
	if err != nil {
		return fmt.Errorf("create metric %s: %w", telemetry.MetricTenants, err)
	}
	return nil
}
