package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

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

// touched says whether a restore may have changed anything.
func (r *run) touched() bool {
	return r.book.Stamp.GetClosed() || ended(r.book.Stamp, fetchID, r.book.Op.GetName())
}

// committed says whether the run must not be given up for a newer wish: data is
// half brought back, or a secret half replaced.
func (r *run) committed() bool { return halfDone(r.book.Op) }

// cancelled says whether a person's wish to cancel is heeded: not in the middle
// of a restore, and not on the way back.
func (r *run) cancelled() bool {
	restoring := r.errand().GetRestoreBackup() != nil && r.committed()
	return r.book.Cancelled() && r.turnedBy() == nil && !restoring
}

// halfDone says whether an operation has begun that leaves a stamp between two
// states until it has ended: a restore, or a rotation.
func halfDone(op *pb.OperationRecord) bool {
	if op.GetErrand().GetRestoreBackup() == nil && op.GetErrand().GetRotateSecret() == nil {
		return false
	}
	s := op.GetMetadata().GetState()
	return s == typev1.OperationMetadata_RUNNING || s == typev1.OperationMetadata_RETRYING
}

// asked notes errands as they come and end, and wakes their tenant for one that
// is new, was begun by another, or was cancelled.
func (s *shard) asked(ev store.TypedEvent[*pb.OperationRecord]) {
	if ev.Type != store.Put {
		return
	}
	op := ev.Item.Value
	tenant, open := record.TenantID(op.GetMetadata().GetTenant()), !record.Over(op.GetMetadata())
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

// nextErrand reads the errand whose turn it is: one that has begun, or the
// oldest. Nil when there is none.
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

func sooner(a, b *pb.OperationRecord) bool {
	if x, y := halfDone(a), halfDone(b); x != y {
		return x
	}
	return a.GetMetadata().GetCreateTime().AsTime().Before(b.GetMetadata().GetCreateTime().AsTime())
}

// unfit says why an errand cannot be done; nil when it can. A stamp must run as
// it is wished to before its data is copied or replaced.
func (r *run) unfit() error {
	e := r.errand()
	if e == nil || r.turnedBy() != nil {
		return nil
	}
	code, s := codeOf(e), r.book.Stamp
	switch {
	case !lived(s) || s.GetLifecycle() != pb.Stamp_RUNNING:
		return failure.New(code, "", "The stamp does not run.")
	case e.GetRunTask() != nil: // it may be what finds out why
	case e.GetRotateSecret() != nil && r.noWay(e.GetRotateSecret()) != nil:
		return r.noWay(e.GetRotateSecret())
	case r.ended.GetState() == typev1.OperationMetadata_FAILED && !r.goesBack(), r.ended.GetState() == typev1.OperationMetadata_CANCELLED && !r.goesBack():
		return failure.New(code, "", "The stamp's last operation failed, so it is not as it is wished to be: retry the tenant first.")
	}
	return nil
}

// codeOf is the failure of an errand that cannot be done.
func codeOf(e *pb.Errand) typev1.Failure_Code {
	switch {
	case e.GetRestoreBackup() != nil:
		return typev1.Failure_RESTORE_FAILED
	case e.GetRotateSecret() != nil:
		return typev1.Failure_ROTATION_FAILED
	case e.GetRepairStamp() != nil:
		return typev1.Failure_REPAIR_FAILED
	case e.GetRunTask() != nil:
		return typev1.Failure_TASK_FAILED
	}
	return typev1.Failure_BACKUP_FAILED
}

// errandFailure is why an errand brings back what was before; nil while it goes
// forward.
func errandFailure(e *pb.Errand) *typev1.Failure {
	if e.GetRotateSecret() != nil {
		return e.GetRotateSecret().GetFailure()
	}
	return e.GetRestoreBackup().GetFailure()
}

// undo makes the errand bring back what was before; false when nothing was
// touched, or that is done already, or cannot be.
func (r *run) undo(f *typev1.Failure) bool {
	e, s := r.errand(), r.book.Stamp
	switch restore, rotate := e.GetRestoreBackup(), e.GetRotateSecret(); {
	case errandFailure(e) != nil:
		return false
	case restore != nil && r.touched():
		restore.Failure = f
	case rotate != nil && ended(s, renewID, r.book.Op.GetName()):
		rotate.Failure = f
	default:
		return false
	}
	return true
}
