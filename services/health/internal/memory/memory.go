// Package memory remembers in etcd what is held to be so of each tenant, so
// that a restart forgets no outage and every replica can answer.
package memory

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
)

// Records is the collection of what is remembered, by tenant id.
type Records = store.Collection[*healthv1.StateRecord]

// Open gives the records below a service's prefix.
func Open(b store.Backend, prefix string) *Records {
	return store.NewCollection(b, prefix+"states/", func() *healthv1.StateRecord { return &healthv1.StateRecord{} })
}

// Guarded writes records while a claim is held, and not a moment longer.
type Guarded struct {
	Records *Records
	Guard   store.Cond
}

// Load gives what was remembered of a tenant, or nil when that was another
// tenant of the same id, or nothing.
func (g Guarded) Load(ctx context.Context, tenant, uid string) (*healthv1.TenantHealth, error) {
	found, err := g.Records.Get(ctx, tenant)
	if errs.Is(err, errs.NotFound) {
		return nil, nil //nolint:nilnil // nothing remembered is no error
	}
	if err != nil || found.Value.GetTenantUid() != uid {
		return nil, err
	}
	return found.Value.GetHealth(), nil
}

// Save remembers a tenant's health.
func (g Guarded) Save(ctx context.Context, tenant, uid string, h *healthv1.TenantHealth) error {
	record := &healthv1.StateRecord{TenantUid: uid, Health: trim(h)}
	_, err := g.Records.Create(ctx, tenant, record, g.Guard)
	if !errs.Is(err, errs.AlreadyExists) {
		return err
	}
	_, err = g.Records.Update(ctx, tenant, func(r *healthv1.StateRecord) error {
		proto.Reset(r)
		proto.Merge(r, record)
		return nil
	}, g.Guard)
	return err
}

// Forget drops a tenant.
func (g Guarded) Forget(ctx context.Context, tenant string) error {
	err := g.Records.Delete(ctx, tenant, g.Guard)
	if errs.Is(err, errs.NotFound) {
		return nil
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
