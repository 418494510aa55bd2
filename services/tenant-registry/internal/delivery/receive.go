package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/telemetry"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/mapping"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/webhook"
)

// Receive proves a message, stores it and gives its name. The same event again
// gives the same name. The source's ErrNotFound, what webhook.Verify refuses,
// mapping.ErrMalformed, ErrEventReused, ErrFull.
func (d *Deliveries) Receive(ctx context.Context, from names.Source, m webhook.Message) (names.Delivery, error) {
	now := time.Now()
	keys, err := d.sources.Keys(ctx, from, now)
	if err != nil {
		return names.Delivery{}, err
	}
	if err := webhook.Verify(m, keys, now); err != nil {
		return names.Delivery{}, err
	}
	if _, err := mapping.Decode(m.Body); err != nil {
		return names.Delivery{}, err
	}
	// The sender is anybody: its trace is linked, never continued.
	trace.SpanFromContext(ctx).AddLink(telemetry.LinkFrom(m.Headers["traceparent"]))
	sum := sha256.Sum256([]byte(m.ID()))
	name := names.Delivery{Source: from.ID, ID: hex.EncodeToString(sum[:])}
	if err := d.keep(ctx, from, name, m, now); err != nil {
		return names.Delivery{}, err
	}
	return name, nil
}

func (d *Deliveries) keep(ctx context.Context, from names.Source, name names.Delivery, m webhook.Message, now time.Time) error {
	if err := d.notReused(ctx, from, name, m, now); err != nil {
		return err
	}
	again, err := d.repeated(ctx, name)
	if err != nil || again {
		return err
	}
	if err := d.usage.take(d, name.Source, int64(len(m.Body))); err != nil {
		return err
	}
	record := withLength(&registryv1.Delivery{
		Name: name.String(), CreateTime: timestamppb.New(now), EventId: m.ID(),
		TraceId: telemetry.TraceID(ctx), Traceparent: telemetry.Traceparent(ctx),
	}, len(m.Body))
	res, err := d.backend.Txn(ctx,
		[]store.Cond{store.Absent(d.records.Key(recordID(name)))},
		[]store.Op{
			d.records.PutOp(recordID(name), record),
			store.PutOp(d.bodyKey(name), m.Body),
			d.enqueueOp(name, entry{}),
			d.sources.LastOp(record, from),
		})
	if err != nil {
		return fmt.Errorf("store delivery %q: %w", name, err)
	}
	if !res.Succeeded { // the same event came twice at once
		return d.keep(ctx, from, name, m, now)
	}
	d.nudge(name)
	return nil
}

// repeated counts an event that is there already.
func (d *Deliveries) repeated(ctx context.Context, name names.Delivery) (bool, error) {
	_, err := d.records.Update(ctx, recordID(name), func(record *registryv1.Delivery) error {
		record.Repeats++
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("count delivery %q: %w", name, err)
	}
	d.count(ctx, name, registryv1.Delivery_DUPLICATE)
	return true, nil
}
