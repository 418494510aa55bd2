package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

const (
	maxAttempts = 10
	firstWait   = time.Second
	lastWait    = 5 * time.Minute
)

// job is a delivery with all that its outcome depends on, as of one moment.
type job struct {
	name   names.Delivery
	source *registryv1.Source
	record *registryv1.Delivery // a copy, to be changed
	body   []byte
	entry  entry
	// same holds while nothing of this was changed by somebody else.
	same []store.Cond
}

// attempt works on a queued delivery until its outcome is written, by this replica
// or by another, and gives it as it is then.
func (d *Deliveries) attempt(ctx context.Context, name names.Delivery) (*registryv1.Delivery, error) {
	for {
		j, queued, err := d.load(ctx, name)
		if err != nil {
			return nil, err
		}
		if !queued {
			return j.record, nil
		}
		done, err := d.decide(ctx, j)
		if err == nil && !done {
			continue // somebody changed something meanwhile
		}
		if err != nil {
			if ctx.Err() != nil || errs.Is(err, errs.Unavailable) {
				return nil, err // the entry stays: the next scan takes it
			}
			if done, err = d.putOff(ctx, j, err); err != nil {
				return nil, err
			}
		}
		if done {
			d.count(ctx, name, j.record.GetOutcome())
			return j.record, nil
		}
	}
}

func (d *Deliveries) load(ctx context.Context, name names.Delivery) (*job, bool, error) {
	j := &job{name: name}
	item, err := d.records.Get(ctx, recordID(name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, false, ErrNotFound.Naming("delivery", name.String())
	}
	if err != nil {
		return nil, false, err
	}
	j.record = item.Value
	e, still, queued, err := d.queued(ctx, name)
	if err != nil || !queued {
		return j, false, err
	}
	j.entry, j.same = e, []store.Cond{still, store.ModRevisionIs(item.Key, item.ModRevision)}
	body, err := d.backend.Get(ctx, d.bodyKey(name))
	if err != nil {
		return nil, false, fmt.Errorf("read body of %q: %w", name, err)
	}
	j.body = body.Value
	if j.source, err = d.sources.Get(ctx, names.Source{ID: name.Source}); err != nil {
		return nil, false, err
	}
	return j, true, nil
}

// decide finds the outcome and writes it; false when somebody was faster.
func (d *Deliveries) decide(ctx context.Context, j *job) (bool, error) {
	v, err := d.judge(ctx, j)
	if err != nil {
		return false, err
	}
	if v.create {
		return d.create(ctx, j, v)
	}
	return d.finish(ctx, j, v)
}

// finish writes a verdict and takes the delivery off the queue.
func (d *Deliveries) finish(ctx context.Context, j *job, v verdict) (bool, error) {
	v.writeTo(j)
	return d.commit(ctx, j, d.queue.DeleteOp(recordID(j.name)))
}

// putOff tries again later, or gives up.
func (d *Deliveries) putOff(ctx context.Context, j *job, cause error) (bool, error) {
	attempts := j.entry.attempts + 1
	d.log.WarnContext(ctx, "delivery is put off", "delivery", j.name.String(), "attempt", attempts, "error", cause)
	if attempts >= maxAttempts {
		return d.finish(ctx, j, verdict{outcome: registryv1.Delivery_GAVE_UP, dealID: j.record.GetDealId(),
			reason: fmt.Sprintf("failed %d times, last with: %s", attempts, public(cause))})
	}
	wait := min(firstWait<<(attempts-1), lastWait)
	due := time.Now().Add(wait/2 + rand.N(wait))
	v := verdict{outcome: registryv1.Delivery_RETRYING, dealID: j.record.GetDealId(), reason: public(cause)}
	v.writeTo(j)
	j.record.NextAttemptTime = timestamppb.New(due)
	return d.commit(ctx, j, d.enqueueOp(j.name, entry{attempts: attempts, due: due, approver: j.entry.approver}))
}

func (d *Deliveries) commit(ctx context.Context, j *job, queue store.Op) (bool, error) {
	res, err := d.backend.Txn(ctx, j.same, []store.Op{d.records.PutOp(recordID(j.name), j.record), queue})
	if err != nil {
		return false, fmt.Errorf("write outcome of %q: %w", j.name, err)
	}
	return res.Succeeded, nil
}

// public is what a person may read of an error: nothing of those that are ours.
func public(err error) string {
	if errs.KindOf(err) == errs.Internal {
		return "an internal error; the log has it under this delivery's name"
	}
	return cmp.Or(err.Error(), "an error without words")
}
