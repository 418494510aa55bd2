// Package memory remembers in etcd what is held to be so of each tenant, so
// that a restart forgets no outage and every replica can answer. Only changes
// are written, and one sign of life a shard.
package memory

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
)

// Records is the collection of what is remembered, by tenant id.
type Records = store.Collection[*healthv1.StateRecord]

// Signs say when the stamps of a shard were last asked, and all that was known
// of them written down, by shard.
type Signs map[string]time.Time

// Memory is what is remembered.
type Memory struct {
	// States are the tenants'.
	States *Records
	signs  *Records
}

// Open gives the memory below a service's prefix.
func Open(b store.Backend, prefix string) Memory {
	empty := func() *healthv1.StateRecord { return &healthv1.StateRecord{} }
	return Memory{
		States: store.NewCollection(b, prefix+"states/", empty),
		signs:  store.NewCollection(b, prefix+"signs/", empty),
	}
}

// Signs gives the last signs of life of those who ask.
func (m Memory) Signs(ctx context.Context) (Signs, error) {
	all, _, err := m.signs.List(ctx, store.ListOptions{})
	if err != nil {
		return nil, err
	}
	signs := Signs{}
	for _, one := range all {
		signs[m.signs.ID(one.Key)] = one.Value.GetHealth().GetCheckTime().AsTime()
	}
	return signs, nil
}

// Under gives the memory of a shard's tenants to the holder of its claim.
func (m Memory) Under(ctx context.Context, shard string, guard store.Cond) (Guarded, error) {
	signs, err := m.Signs(ctx)
	return Guarded{Memory: m, shard: shard, guard: guard, taken: signs[shard]}, err
}

// Guarded writes while a claim is held, and not a moment longer.
type Guarded struct {
	Memory

	shard string
	guard store.Cond
	taken time.Time // the last sign of the holder before
}

// Load gives what was remembered of a tenant, as of the last sign of who wrote
// it, or nil when that was another tenant of the same id, or nothing.
func (g Guarded) Load(ctx context.Context, tenant, uid string) (*healthv1.TenantHealth, error) {
	found, err := g.States.Get(ctx, tenant)
	if errs.Is(err, errs.NotFound) {
		return nil, nil // nothing remembered is no error
	}
	if err != nil || found.Value.GetTenantUid() != uid {
		return nil, err
	}
	h := found.Value.GetHealth()
	if found.Value.GetShard() == g.shard && g.taken.After(h.GetCheckTime().AsTime()) {
		h.CheckTime = timestamppb.New(g.taken)
	}
	return h, nil
}

// Save remembers a tenant's health.
func (g Guarded) Save(ctx context.Context, tenant, uid string, h *healthv1.TenantHealth) error {
	return g.put(ctx, g.States, tenant, &healthv1.StateRecord{TenantUid: uid, Health: trim(h), Shard: g.shard})
}

// Sign says that the shard is asked, and all that was known written down at a time.
func (g Guarded) Sign(ctx context.Context, at time.Time) error {
	return g.put(ctx, g.signs, g.shard, &healthv1.StateRecord{Health: &healthv1.TenantHealth{CheckTime: timestamppb.New(at)}})
}

// Known lists the tenants of whom the shard's holders remembered something.
func (g Guarded) Known(ctx context.Context) ([]string, error) {
	all, _, err := g.States.List(ctx, store.ListOptions{})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, one := range all {
		if one.Value.GetShard() == g.shard {
			ids = append(ids, g.States.ID(one.Key))
		}
	}
	return ids, nil
}

// Forget drops a tenant, unless another shard has it now.
func (g Guarded) Forget(ctx context.Context, tenant string) error {
	found, err := g.States.Get(ctx, tenant)
	if err == nil && found.Value.GetShard() == g.shard {
		err = g.States.Delete(ctx, tenant, g.guard, store.ModRevisionIs(found.Key, found.ModRevision))
	}
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	return err
}

// put writes a record, whether or not there is one.
func (g Guarded) put(ctx context.Context, where *Records, id string, record *healthv1.StateRecord) error {
	_, err := where.Update(ctx, id, func(r *healthv1.StateRecord) error {
		proto.Reset(r)
		proto.Merge(r, record)
		return nil
	}, g.guard)
	if errs.Is(err, errs.NotFound) {
		_, err = where.Create(ctx, id, record, g.guard)
	}
	return err
}

// trim leaves out what changes with every answer and helps nobody later.
func trim(h *healthv1.TenantHealth) *healthv1.TenantHealth {
	h = proto.CloneOf(h)
	for _, c := range append(h.GetComponents(), h.GetEndpoint()) {
		if c != nil {
			c.Latency, c.ConsecutiveSuccesses = nil, 0
			c.CheckTime = &timestamppb.Timestamp{Seconds: c.GetCheckTime().GetSeconds()}
		}
	}
	return h
}
