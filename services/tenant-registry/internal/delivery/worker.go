package delivery

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/services/tenant-registry/internal/names"
)

const (
	workers   = 4
	scanEvery = time.Second
	scanBatch = 100
	// leftBehind is how old an entry is before a replica takes it that did not
	// receive it.
	leftBehind = 2 * time.Second
	workLimit  = 30 * time.Second
)

// Work works on deliveries until ctx ends: at once on those that this replica
// received, soon on those that others left behind or that are due again.
func (d *Deliveries) Work(ctx context.Context) error {
	var pool errgroup.Group
	pool.SetLimit(workers)
	start := func(name names.Delivery) {
		if _, busy := d.working.LoadOrStore(name, true); busy {
			return
		}
		pool.Go(func() error {
			defer d.working.Delete(name)
			d.one(ctx, name)
			return nil
		})
	}
	tick := time.NewTicker(scanEvery)
	defer tick.Stop()
	age := time.Duration(0) // after a start, everything that is there
	for {
		select {
		case <-ctx.Done():
			return pool.Wait()
		case name := <-d.wake:
			start(name)
		case <-tick.C:
			due, err := d.due(ctx, age)
			if err != nil {
				if ctx.Err() == nil {
					d.log.WarnContext(ctx, "scan queue of deliveries", "error", err)
				}
				continue
			}
			age = leftBehind
			for _, name := range due {
				start(name)
			}
		}
	}
}

// due lists entries that are old enough and not put off.
func (d *Deliveries) due(ctx context.Context, age time.Duration) ([]names.Delivery, error) {
	var due []names.Delivery
	var after string
	now := time.Now()
	for len(due) < scanBatch {
		items, _, err := d.queue.List(ctx, store.ListOptions{StartAfter: after, Limit: scanBatch})
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			after = d.queue.ID(item.Key)
			waits := item.Value.GetNextAttemptTime() != nil && now.Before(item.Value.GetNextAttemptTime().AsTime())
			if waits || now.Sub(item.Value.GetCreateTime().AsTime()) < age {
				continue
			}
			if name, err := names.ParseDelivery("name", item.Value.GetName()); err == nil {
				due = append(due, name)
			}
		}
		if len(items) < scanBatch {
			break
		}
	}
	return due, nil
}

// one works on a delivery in the trace of the request that brought it, on behalf
// of its source.
func (d *Deliveries) one(ctx context.Context, name names.Delivery) {
	ctx, cancel := context.WithTimeout(ctx, workLimit)
	defer cancel()
	item, err := d.records.Get(ctx, recordID(name))
	if err == nil {
		ctx = telemetry.ContextWithTraceparent(ctx, item.Value.GetTraceparent())
		ctx = identity.WithPrincipal(ctx, identity.Principal{Name: names.Source{ID: name.Source}.String(), Role: identity.Service})
		err = d.process(ctx, name)
	}
	if err != nil && ctx.Err() == nil && !errs.Is(err, errs.NotFound) {
		d.log.WarnContext(ctx, "work on delivery", "delivery", name.String(), "error", err)
	}
}

// process is one attempt in a span of its own.
func (d *Deliveries) process(ctx context.Context, name names.Delivery) error {
	ctx, span := d.tracer.Start(ctx, telemetry.SpanDelivery, trace.WithAttributes(
		telemetry.Source.String(name.Source), telemetry.Delivery.String(name.String())))
	defer span.End()
	record, err := d.attempt(ctx, name)
	if err != nil {
		span.RecordError(err)
		return fmt.Errorf("work on %q: %w", name, err)
	}
	span.SetAttributes(telemetry.Outcome.String(record.GetOutcome().String()), telemetry.Tenant.String(record.GetTenant()))
	return nil
}
