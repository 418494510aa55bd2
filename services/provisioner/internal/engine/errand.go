package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/record"
)

// errand is the work without a generation that this run is about, nil when it is
// about a generation.
func (r *run) errand() *pb.Errand { return r.book.Op.GetErrand() }

// committed says whether the run must not be given up for a newer wish: data is
// half brought back, or a secret half replaced.
func (r *run) committed() bool { return halfDone(r.book.Op) }

// cancelled says whether a person's wish to cancel is heeded: not in the middle
// of a restore, and not on the way back.
func (r *run) cancelled() bool {
	late := r.kind().traits().unstoppable && r.committed() && !r.untouched()
	return r.book.Cancelled() && r.turnedBy() == nil && !late
}

// untouched says whether the run is about a restore that has not touched the data
// yet.
func (r *run) untouched() bool {
	k, restores := r.kind().(restoreErrand)
	return restores && k.work.GetFailure() == nil && !k.touched(r)
}

// triedAgain is what is told of an errand that has failed and goes on.
func (r *run) triedAgain() string {
	return strings.TrimPrefix(r.book.Op.GetName(), "operations/") + " fails, and is tried again: "
}

// forgetTries removes what was told so of an errand that is over, also where a
// failure of its code lasts.
func (r *run) forgetTries() {
	s, told := r.book.Stamp, r.triedAgain()
	s.Obstacles = slices.DeleteFunc(s.GetObstacles(), func(o *typev1.Obstacle) bool { return strings.HasPrefix(o.GetMessage(), told) })
	if f := s.GetFailure(); halfRestored(s) && f != nil { // a try of a code may have taken the place of what lasts
		r.obstruct(&typev1.Obstacle{Code: f.GetCode().String(), Message: f.GetMessage(), NextAction: f.GetNextAction()})
	}
}

// halfDone says whether an operation has begun that leaves a stamp between two
// states until it has ended: a restore, or a rotation.
func halfDone(op *pb.OperationRecord) bool {
	s := op.GetMetadata().GetState()
	return kindOf(op).traits().binding && (s == typev1.OperationMetadata_RUNNING || s == typev1.OperationMetadata_RETRYING)
}

// asked notes errands as they come and end, and wakes their tenant for one that
// is new, was begun by another, or was cancelled.
func (s *shard) asked(ev store.TypedEvent[*pb.OperationRecord]) {
	if ev.Type != store.Put {
		return
	}
	op := ev.Item.Value
	tenant, open := record.WorksOn(op), !record.Over(op.GetMetadata())
	fresh := op.GetErrand() != nil && s.owns(tenant) && s.noteErrand(tenant, ev.ID, open)
	if open && (fresh || op.GetCancelRequested() || op.GetMetadata().GetAttempt() == 0) {
		s.wake(tenant)
	}
}

// noteErrand says whether the errand is open and was not known.
func (s *shard) noteErrand(tenant, id string, open bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := open && !s.errands[tenant][id]
	switch ids := s.errands[tenant]; {
	case open && ids == nil:
		s.errands[tenant] = map[string]bool{id: true}
	case open:
		ids[id] = true
	default:
		delete(ids, id)
		if len(ids) == 0 {
			delete(s.errands, tenant)
		}
	}
	return fresh
}

// nextErrand reads the errand whose turn it is: one that has begun, one that was
// dropped, or the oldest. Nil when there is none.
func (r *run) nextErrand(ctx context.Context) (*pb.OperationRecord, int64, error) {
	r.mu.Lock()
	ids := slices.Collect(maps.Keys(r.errands[r.id]))
	r.mu.Unlock()
	var next store.Versioned[*pb.OperationRecord]
	for _, id := range ids {
		v, err := r.Store.Operations.Get(ctx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && (record.Over(v.Value.GetMetadata()) || v.Value.GetTenantUid() != r.asked.GetUid()) {
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read operation %q: %w", id, err)
		}
		if next.Value == nil || sooner(v.Value, next.Value) {
			next = v
		}
	}
	if next.Value == nil {
		return nil, 0, nil
	}
	return proto.CloneOf(next.Value), next.ModRevision, nil
}

// dropped says whether somebody cancelled an errand that has not begun: it ends
// without waiting for anything.
func dropped(op *pb.OperationRecord) bool {
	return op.GetCancelRequested() && op.GetMetadata().GetAttempt() == 0
}

func sooner(a, b *pb.OperationRecord) bool {
	for _, first := range []func(*pb.OperationRecord) bool{halfDone, dropped} {
		if x, y := first(a), first(b); x != y {
			return x
		}
	}
	return a.GetMetadata().GetCreateTime().AsTime().Before(b.GetMetadata().GetCreateTime().AsTime())
}

// unfit says why an errand cannot be done; nil when it can. A stamp must run as
// it is wished to before its data is copied or replaced.
func (r *run) unfit() error {
	is, s := r.kind().traits(), r.book.Stamp
	if !is.errand || r.trial() || r.turnedBy() != nil {
		return nil
	}
	if !lived(s) || s.GetLifecycle() != pb.Stamp_RUNNING {
		return failure.New(is.code, "", "The stamp does not run.")
	}
	if err := r.kind().unfit(r); err != nil {
		return err
	}
	if halfRestored(s) && !is.mends && !is.anyhow {
		return failure.New(is.code, "", "The data is half brought back: restore a backup, or retry the tenant first.")
	}
	state := r.ended.GetState()
	broken := state == typev1.OperationMetadata_FAILED || state == typev1.OperationMetadata_CANCELLED
	if broken && !r.goesBack() && !is.anyhow {
		return failure.New(is.code, "", "The stamp's last operation failed, so it is not as it is wished to be: retry the tenant first.")
	}
	return nil
}
