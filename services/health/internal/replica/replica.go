// Package replica is one replica's part: it asks the stamps of the shards whose
// claims it holds, and answers for all of them all the time.
package replica

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/services/health/internal/memory"
	"stampworks.dev/services/health/internal/monitor"
	"stampworks.dev/services/health/internal/stamps"
)

// staleAfter is when what another replica wrote no longer counts: it gives a
// sign of life every 10 s.
const staleAfter = time.Minute

// Deps is what a replica needs.
type Deps struct {
	Memory memory.Memory
	// Cache is over the memory's states, and runs beside.
	Cache  *store.Cache[*healthv1.StateRecord]
	Stamps provisionerv1.StampServiceClient
	// Members says which replicas there are, and what they reach.
	Members   func() []claim.Member
	Telemetry *telemetry.Telemetry
	// HideTenants makes no metrics with a tenant's name on them.
	HideTenants bool
	Log         *slog.Logger
}

// Replica asks and answers. It is safe for concurrent use.
type Replica struct {
	deps  Deps
	known *stamps.Known

	mu     sync.Mutex
	asking map[string]*monitor.Monitor // by shard
}

// New makes a replica that answers from what is written.
func New(deps Deps) *Replica {
	r := &Replica{deps: deps, known: stamps.NewKnown(), asking: map[string]*monitor.Monitor{}}
	if deps.HideTenants {
		return r
	}
	if err := r.measure(deps.Telemetry.Meter()); err != nil {
		deps.Log.Warn("tenants are not measured", "error", err)
	}
	return r
}

// Run follows all stamps until the context ends.
func (r *Replica) Run(ctx context.Context) error {
	return stamps.Follow(ctx, r.deps.Stamps, r.known, r.deps.Log)
}

// Health gives one tenant's health, or nil when it has no stamp.
func (r *Replica) Health(ctx context.Context, tenant string) (*healthv1.TenantHealth, error) {
	own := r.monitors()
	all := synced(own)
	for _, m := range own {
		if h := m.Health(tenant); h != nil {
			return h, nil
		}
	}
	record, err := r.deps.Cache.Get(ctx, tenant)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return nil, err
	}
	now := time.Now()
	if err == nil {
		signs, err := r.deps.Memory.Signs(ctx)
		if err != nil {
			return nil, err
		}
		if h := written(record.Value, all, signs, now); h != nil {
			return h, nil
		}
	}
	if s := r.known.Get(tenant); s != nil {
		return r.unasked(tenant, s, now), nil
	}
	return nil, nil // without a stamp: no error
}

// All gives every tenant's health, by id.
func (r *Replica) All(ctx context.Context) ([]*healthv1.TenantHealth, error) {
	records, _, err := r.deps.Cache.List(ctx)
	if err != nil {
		return nil, err
	}
	signs, err := r.deps.Memory.Signs(ctx)
	if err != nil {
		return nil, err
	}
	all, own, now := map[string]*healthv1.TenantHealth{}, r.monitors(), time.Now()
	known := synced(own)
	for tenant, s := range r.known.All() {
		all[tenant] = r.unasked(tenant, s, now)
	}
	for _, record := range records {
		if h := written(record.Value, known, signs, now); h != nil {
			all[r.deps.Memory.States.ID(record.Key)] = h
		}
	}
	for _, m := range own {
		for _, h := range m.All() {
			all[tenantOf(h)] = h
		}
	}
	sorted := make([]*healthv1.TenantHealth, 0, len(all))
	for _, tenant := range slices.Sorted(maps.Keys(all)) {
		sorted = append(sorted, all[tenant])
	}
	return sorted, nil
}

func tenantOf(h *healthv1.TenantHealth) string {
	return strings.TrimSuffix(strings.TrimPrefix(h.GetName(), "tenants/"), "/health")
}

// checker runs exec probes through the provisioner.
type checker struct {
	client provisionerv1.StampServiceClient
}

func (c checker) Check(ctx context.Context, tenant, component string) (bool, string, error) {
	resp, err := c.client.CheckComponent(ctx, &provisionerv1.CheckComponentRequest{
		Name: "tenants/" + tenant + "/stamp", Component: component,
	})
	if err != nil {
		return false, "", err
	}
	return resp.GetOk(), resp.GetMessage(), nil
}
