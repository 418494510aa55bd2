package delivery

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/telemetry"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/mapping"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// Replay works on a delivery again, with the source as it is now; one that made
// its tenant stays as it is. The answer has the outcome, unless working on it
// takes long: then it is as it was put into the queue. ErrNotFound.
func (d *Deliveries) Replay(ctx context.Context, name names.Delivery) (*registryv1.Delivery, error) {
	return d.again(ctx, name, func(record *registryv1.Delivery, _ string) (*entry, error) {
		if record.GetOutcome() == registryv1.Delivery_CREATED {
			return nil, nil
		}
		return &entry{}, nil
	})
}

// Approve lets a delivery that waits make its tenant; approving it again changes
// nothing. ErrNotFound, ErrNotWaiting.
func (d *Deliveries) Approve(ctx context.Context, name names.Delivery) (*registryv1.Delivery, error) {
	return d.again(ctx, name, func(record *registryv1.Delivery, who string) (*entry, error) {
		switch {
		case record.GetOutcome() == registryv1.Delivery_NEEDS_APPROVAL:
			return &entry{approver: who}, nil
		case record.GetOutcome() == registryv1.Delivery_CREATED && record.GetApprover() != "":
			return nil, nil
		}
		return nil, ErrNotWaiting.Naming("delivery", name.String()).With("outcome", record.GetOutcome().String())
	})
}

// again puts a delivery into the queue, unless allow says that there is nothing to
// do, and works on it for the caller.
func (d *Deliveries) again(ctx context.Context, name names.Delivery, allow func(*registryv1.Delivery, string) (*entry, error)) (*registryv1.Delivery, error) {
	who := "nobody"
	if p, ok := identity.PrincipalFrom(ctx); ok {
		who = p.Name
	}
	for {
		item, err := d.records.Get(ctx, recordID(name))
		if errors.Is(err, store.ErrNotFound) {
			return nil, ErrNotFound.Naming("delivery", name.String())
		}
		if err != nil {
			return nil, err
		}
		entry, err := allow(item.Value, who)
		if err != nil {
			return nil, err
		}
		if entry == nil {
			return d.Get(ctx, name)
		}
		next := clone(item.Value)
		next.Approver, next.NextAttemptTime = who, nil
		res, err := d.backend.Txn(ctx, []store.Cond{store.ModRevisionIs(item.Key, item.ModRevision)},
			[]store.Op{d.records.PutOp(recordID(name), next), d.enqueueOp(name, *entry)})
		if err != nil {
			return nil, fmt.Errorf("queue %q again: %w", name, err)
		}
		if res.Succeeded {
			return d.inline(ctx, name, item.Value)
		}
	}
}

// inline works on a queued delivery in the caller's own request and trace. When
// that fails, the queue has it.
func (d *Deliveries) inline(ctx context.Context, name names.Delivery, before *registryv1.Delivery) (*registryv1.Delivery, error) {
	trace.SpanFromContext(ctx).AddLink(telemetry.LinkFrom(before.GetTraceparent()))
	if err := d.process(ctx, name); err != nil {
		d.log.WarnContext(ctx, "delivery waits for the next scan", "delivery", name.String(), "error", err)
	}
	return d.Get(ctx, name)
}

// Try says what a body would lead to at a source, and stores nothing.
func (d *Deliveries) Try(ctx context.Context, from names.Source, body []byte) (*registryv1.Delivery, error) {
	source, err := d.sources.Get(ctx, from)
	if err != nil {
		return nil, err
	}
	if _, err := mapping.Decode(body); err != nil {
		return nil, err
	}
	j := &job{name: names.Delivery{Source: from.ID}, source: source, body: body, record: &registryv1.Delivery{CreateTime: timestamppb.Now()}}
	v, err := d.judge(ctx, j)
	if err != nil {
		return nil, err
	}
	v.writeTo(j)
	j.record.Body = body
	return j.record, nil
}
