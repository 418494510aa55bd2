// Package replica is one replica's part: it asks while it holds the claim,
// and answers all the time.
package replica

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/lifecycle"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/services/health/internal/memory"
	"stampworks.dev/services/health/internal/monitor"
	"stampworks.dev/services/health/internal/probe"
	"stampworks.dev/services/health/internal/stamps"
)

// staleAfter is when what another replica wrote no longer counts: it gives a
// sign of life every 10 s.
const staleAfter = time.Minute

// Deps is what a replica needs.
type Deps struct {
	Memory memory.Memory
	// Cache is over the memory's states, and runs beside.
	Cache     *store.Cache[*healthv1.StateRecord]
	Stamps    provisionerv1.StampServiceClient
	Telemetry *telemetry.Telemetry
	// HideTenants makes no metrics with a tenant's name on them.
	HideTenants bool
	Log         *slog.Logger
}

// Replica asks and answers. It is safe for concurrent use.
type Replica struct {
	deps   Deps
	asking atomic.Pointer[monitor.Monitor]
}

// New makes a replica that answers from what is written.
func New(deps Deps) *Replica {
	r := &Replica{deps: deps}
	if deps.HideTenants {
		return r
	}
	if err := r.measure(deps.Telemetry.Meter()); err != nil {
		deps.Log.Warn("tenants are not measured", "error", err)
	}
	return r
}

// Hold asks all stamps while the claim is held.
func (r *Replica) Hold(ctx context.Context, c claim.Claim) error {
	states := memory.Guarded{Memory: r.deps.Memory, Guard: c.Guard()}
	m := monitor.New(probe.New(checker{r.deps.Stamps}), states, r.deps.Log)
	r.asking.Store(m)
	defer r.asking.CompareAndSwap(m, nil)
	group := lifecycle.NewGroup(r.deps.Log)
	group.Add("monitor", m.Run)
	group.Add("follow", func(ctx context.Context) error { return stamps.Follow(ctx, r.deps.Stamps, m, r.deps.Log) })
	return group.Run(ctx)
}

// Health gives one tenant's health, or nil when it is not watched.
func (r *Replica) Health(ctx context.Context, tenant string) (*healthv1.TenantHealth, error) {
	if m := r.asking.Load(); m != nil {
		if h := m.Health(tenant); h != nil || m.Synced() {
			return h, nil
		}
	}
	record, err := r.deps.Cache.Get(ctx, tenant)
	if errs.Is(err, errs.NotFound) {
		return nil, nil // not watched is no error
	}
	if err != nil {
		return nil, err
	}
	sign, err := r.deps.Memory.LastSign(ctx)
	if err != nil {
		return nil, err
	}
	return asOf(record.Value.GetHealth(), sign, time.Now()), nil
}

// All gives every tenant's health, by id.
func (r *Replica) All(ctx context.Context) ([]*healthv1.TenantHealth, error) {
	if m := r.asking.Load(); m != nil && m.Synced() {
		return m.All(), nil
	}
	records, _, err := r.deps.Cache.List(ctx)
	if err != nil {
		return nil, err
	}
	sign, err := r.deps.Memory.LastSign(ctx)
	if err != nil {
		return nil, err
	}
	all, now := make([]*healthv1.TenantHealth, 0, len(records)), time.Now()
	for _, record := range records {
		all = append(all, asOf(record.Value.GetHealth(), sign, now))
	}
	return all, nil
}

// asOf is what the asking replica wrote, which is so as long as it gives signs
// of life. When the last is long ago, nobody asks, and nothing is known.
func asOf(h *healthv1.TenantHealth, sign, now time.Time) *healthv1.TenantHealth {
	seen := h.GetCheckTime().AsTime()
	if sign.After(seen) {
		seen = sign
	}
	if now.Sub(seen) > staleAfter && h.GetState() != typev1.HealthState_NOT_RUNNING {
		return forget(h, seen)
	}
	h = proto.CloneOf(h)
	h.CheckTime = timestamppb.New(seen)
	return h
}

// forget makes UNKNOWN of a health that nobody has looked at for long.
func forget(h *healthv1.TenantHealth, seen time.Time) *healthv1.TenantHealth {
	return &healthv1.TenantHealth{
		Name: h.GetName(), DisplayName: h.GetDisplayName(), State: typev1.HealthState_UNKNOWN,
		Summary:   h.GetDisplayName() + " is not known to be up: nobody has looked since " + seen.UTC().Format(time.DateTime) + " UTC.",
		SinceTime: timestamppb.New(seen), CheckTime: timestamppb.New(seen),
	}
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
