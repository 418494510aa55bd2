package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// entry is one delivery that is to be worked on. It is kept as a Delivery of which
// only create_time, attempts, next_attempt_time and approver are set.
type entry struct {
	attempts int32
	due      time.Time // zero: at once
	approver string    // who let it through; empty: nobody had to, or nobody did
}

// enqueueOp puts a delivery into the queue, or back into it.
func (d *Deliveries) enqueueOp(name names.Delivery, e entry) store.Op {
	record := &registryv1.Delivery{Name: name.String(), CreateTime: timestamppb.New(time.Now()), Attempts: e.attempts, Approver: e.approver}
	if !e.due.IsZero() {
		record.NextAttemptTime = timestamppb.New(e.due)
	}
	return d.queue.PutOp(recordID(name), record)
}

// queued reads an entry and the condition that it is still the same; false when
// there is none.
func (d *Deliveries) queued(ctx context.Context, name names.Delivery) (entry, store.Cond, bool, error) {
	item, err := d.queue.Get(ctx, recordID(name))
	if errors.Is(err, store.ErrNotFound) {
		return entry{}, store.Cond{}, false, nil
	}
	if err != nil {
		return entry{}, store.Cond{}, false, fmt.Errorf("read queue: %w", err)
	}
	e := entry{attempts: item.Value.GetAttempts(), approver: item.Value.GetApprover()}
	if due := item.Value.GetNextAttemptTime(); due != nil {
		e.due = due.AsTime()
	}
	return e, store.ModRevisionIs(item.Key, item.ModRevision), true, nil
}

// nudge tells this replica's workers that there is something new. When they are
// behind, the scan finds it.
func (d *Deliveries) nudge(name names.Delivery) {
	select {
	case d.wake <- name:
	default:
	}
}
