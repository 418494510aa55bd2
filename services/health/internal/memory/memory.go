// Package memory remembers in etcd what is held to be so of each tenant, so
// that a restart forgets no outage and every replica can answer. Only changes
// are written, and one sign of life for all.
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

// asker is the key of the sign of life.
const asker = "asker"

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

// LastSign is when somebody last asked and had written down all it knew; zero
// when nobody ever did.
func (m Memory) LastSign(ctx context.Context) (time.Time, error) {
	found, err := m.signs.Get(ctx, asker)
	if errs.Is(err, errs.NotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return found.Value.GetHealth().GetCheckTime().AsTime(), nil
}

// Guarded writes while a claim is held, and not a moment longer.
type Guarded struct {
	Memory

	Guard store.Cond
}

// Load gives what was remembered of a tenant, or nil when that was another
// tenant of the same id, or nothing.
func (g Guarded) Load(ctx context.Context, tenant, uid string) (*healthv1.TenantHealth, error) {
	found, err := g.States.Get(ctx, tenant)
	if errs.Is(err, errs.NotFound) {
		return nil, nil // nothing remembered is no error
	}
	if err != nil || found.Value.GetTenantUid() != uid {
		return nil, err
	}
	return found.Value.GetHealth(), nil
}

// Save remembers a tenant's health.
func (g Guarded) Save(ctx context.Context, tenant, uid string, h *healthv1.TenantHealth) error {
	return g.put(ctx, g.States, tenant, &healthv1.StateRecord{TenantUid: uid, Health: trim(h)})
}

// Sign says that somebody asks, and has written down all it knew at a time.
func (g Guarded) Sign(ctx context.Context, at time.Time) error {
	return g.put(ctx, g.signs, asker, &healthv1.StateRecord{Health: &healthv1.TenantHealth{CheckTime: timestamppb.New(at)}})
}

// Known lists the tenants of whom something is remembered.
func (g Guarded) Known(ctx context.Context) ([]string, error) {
	all, _, err := g.States.List(ctx, store.ListOptions{})
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(all))
	for i, one := range all {
		ids[i] = g.States.ID(one.Key)
	}
	return ids, nil
}

// Forget drops a tenant.
func (g Guarded) Forget(ctx context.Context, tenant string) error {
	err := g.States.Delete(ctx, tenant, g.Guard)
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
	}, g.Guard)
	if errs.Is(err, errs.NotFound) {
		_, err = where.Create(ctx, id, record, g.Guard)
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
