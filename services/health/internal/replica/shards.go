package replica

import (
	"context"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/lifecycle"
	"stampworks.dev/services/health/internal/memory"
	"stampworks.dev/services/health/internal/monitor"
	"stampworks.dev/services/health/internal/probe"
)

// Hold asks the stamps of a shard while its claim is held.
func (r *Replica) Hold(ctx context.Context, s claim.Shard, c claim.Claim) error {
	states, err := r.deps.Memory.Under(ctx, s.String(), c.Guard())
	if err != nil {
		return err
	}
	m := monitor.New(probe.New(checker{r.deps.Stamps}), states, r.deps.Log)
	r.mu.Lock()
	r.asking[s.String()] = m
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.asking, s.String())
	}()
	own := func(tenant string, stamp *provisionerv1.Stamp) bool {
		return cellOf(stamp) == s.Cell && s.Owns(tenant)
	}
	group := lifecycle.NewGroup(r.deps.Log)
	group.Add("monitor", m.Run)
	group.Add("feed", func(ctx context.Context) error { return r.known.Feed(ctx, own, m) })
	return group.Run(ctx)
}

func cellOf(s *provisionerv1.Stamp) string { return strings.TrimPrefix(s.GetCell(), "cells/") }

// monitors are those of the shards that this replica asks, by shard.
func (r *Replica) monitors() map[string]*monitor.Monitor {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[string]*monitor.Monitor, len(r.asking))
	for shard, m := range r.asking {
		all[shard] = m
	}
	return all
}

// synced are the shards of which this replica knows all stamps. It is asked before
// the monitors are asked for a tenant: one that knows all since may have it now.
func synced(own map[string]*monitor.Monitor) map[string]bool {
	shards := make(map[string]bool, len(own))
	for shard, m := range own {
		shards[shard] = m.Synced()
	}
	return shards
}

// written is what whoever asks a tenant wrote of it; nil when that is this
// replica itself, by what it knew all of, and the tenant is gone.
func written(record *healthv1.StateRecord, synced map[string]bool, signs memory.Signs, now time.Time) *healthv1.TenantHealth {
	if synced[record.GetShard()] {
		return nil
	}
	return asOf(record.GetHealth(), signs[record.GetShard()], now)
}

// unasked is the health of a stamp of which nothing is written.
func (r *Replica) unasked(tenant string, s *provisionerv1.Stamp, now time.Time) *healthv1.TenantHealth {
	h := monitor.Unasked(tenant, s, now)
	if h.GetState() == typev1.HealthState_UNKNOWN && !r.reached(cellOf(s)) {
		h.Summary = h.GetDisplayName() + " is not known to be up: no health service reaches its cell, " + cellOf(s) + "."
	}
	return h
}

// reached reports whether some replica reaches a cell.
func (r *Replica) reached(cell string) bool {
	for _, one := range r.deps.Members() {
		if one.Cells[cell] > 0 {
			return true
		}
	}
	return false
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
