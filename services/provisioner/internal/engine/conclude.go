package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/secrets"
)

// fail notes what went wrong; the first failure of an attempt is the one that
// is told.
func (r *run) fail(component string, err error) *typev1.Failure {
	f := failure.Of(err, component)
	mask(f, secrets.Masks(r.vault))
	if r.failed == nil {
		r.failed = f
	}
	r.stop(stepFailed)
	return f
}

// conclude ends an attempt: as done, failed, cancelled or overtaken. It says
// when to look again, and how the attempt ended.
func (r *run) conclude(ctx context.Context, err error) (time.Duration, string, error) {
	switch {
	case ctx.Err() != nil:
		return 0, "INTERRUPTED", ctx.Err()
	case errors.Is(err, store.ErrGuard):
		return 0, "CLAIM_LOST", err
	case err != nil:
		r.fail("", err)
	}
	switch r.stopping {
	case stepFailed:
		again, err := r.attemptFailed(ctx)
		return again, "FAILED", err
	case cancelling:
		again, err := r.cancel(ctx)
		return again, "CANCELLED", err
	case preempted:
		return time.Nanosecond, "SUPERSEDED", r.book.Save(ctx)
	}
	again, err := r.done(ctx)
	return again, "SUCCEEDED", err
}

// done ends an attempt after which nothing is missing.
func (r *run) done(ctx context.Context) (time.Duration, error) {
	r.forgetRepair()
	if r.book.Op == nil {
		differed := r.book.Stamp.GetDrift()
		if err := r.observe(ctx); err != nil {
			return 0, err
		}
		r.tellRepaired(differed)
		return r.rest(ctx)
	}
	if r.trial() {
		if r.kind().turn(r, nil) {
			return time.Nanosecond, r.book.Save(ctx)
		}
		if err := r.tried(ctx); err != nil {
			return 0, err
		}
	}
	r.pruneRestored(ctx)
	op := r.book.Op.GetMetadata()
	op.Failure = r.turnedBy()
	r.tellEnded(ctx, r.outcome())
	r.board.over(r.outcome(), time.Now())
	r.forgetTries()
	if r.wish.Lifecycle == pb.Stamp_DESTROYED {
		if err := r.book.Forget(ctx); err != nil {
			return 0, err
		}
		r.setBook(r.id, nil)
	} else if err := r.book.Save(ctx); err != nil {
		return 0, err
	}
	r.book.Op = nil
	r.log.InfoContext(ctx, "operation ended", "kind", op.GetKind().String(), "state", op.GetState().String(), "attempt", op.GetAttempt())
	if err := r.Store.ForgetShapes(ctx, op.GetEndTime().AsTime(), r.claim.Guard()); err != nil {
		return 0, err
	}
	if r.wish.Lifecycle == pb.Stamp_DESTROYED {
		return 0, nil
	}
	return time.Nanosecond, nil // there may be more to do
}

// rest ends a visit at a stamp at which nothing is to be done: what was
// observed is kept, and told if the registry knows otherwise. It may be time for
// a backup.
func (r *run) rest(ctx context.Context) (time.Duration, error) {
	again, err := r.schedule(ctx)
	if err != nil {
		return 0, err
	}
	if err := r.book.Save(ctx); err != nil {
		return 0, err
	}
	r.tell(ctx)
	return again, nil
}

// attemptFailed keeps the failure and says when to try again: later and later,
// or, when it is final, not at all.
func (r *run) attemptFailed(ctx context.Context) (time.Duration, error) {
	if r.book.Op == nil {
		return r.repairFailed(ctx)
	}
	if r.canTurnBack() {
		return r.turnBack(ctx, r.failed)
	}
	op := r.book.Op.GetMetadata()
	f := failure.Attempt(r.failed, op.GetAttempt())
	if r.opensAgain(f) {
		return r.hopeless(ctx, f)
	}
	if r.trial() && r.wish.Lifecycle == pb.Stamp_DESTROYED { // it is never left behind
		f.Retryable, f.NextAction = true, "Remove on the cell what the evidence names; it is tried again by itself."
	}
	if !f.GetRetryable() && !r.triesBackAgain(f) {
		return r.hopeless(ctx, f)
	}
	wait := r.Backoff(op.GetAttempt())
	failure.RetryAt(f, time.Now().Add(wait))
	op.State, op.Failure = typev1.OperationMetadata_RETRYING, f
	if r.isErrand() {
		r.obstruct(&typev1.Obstacle{
			Code:       f.GetCode().String(),
			Message:    r.triedAgain() + f.GetMessage(),
			NextAction: f.GetNextAction(),
		})
	} else {
		r.book.Stamp.Failure = f
	}
	if err := r.book.Save(ctx); err != nil {
		return 0, err
	}
	if r.cancelled() {
		return time.Nanosecond, nil
	}
	r.log.WarnContext(ctx, "attempt failed", "attempt", op.GetAttempt(), "code", f.GetCode(), "retry_in", wait)
	r.tell(ctx)
	return wait, nil
}

// hopeless is what is not tried again: a restore or a rotation brings back what
// was before, a deletion does without its last backup, anything else ends.
func (r *run) hopeless(ctx context.Context, f *typev1.Failure) (time.Duration, error) {
	switch {
	case r.kind().turn(r, f):
	case r.wish.Lifecycle == pb.Stamp_DESTROYED && r.asked.GetPurge().GetForce():
		r.leave(ctx)
	case r.wish.Lifecycle != pb.Stamp_RUNNING && r.wish.backsUp(r.book.Stamp) && f.GetCode() == typev1.Failure_BACKUP_FAILED:
		r.doWithout(f)
	default:
		return r.giveUp(ctx, typev1.OperationMetadata_FAILED, r.kind().inVain(r, f))
	}
	r.log.WarnContext(ctx, "going on without", "code", f.GetCode(), "message", f.GetMessage())
	if err := r.book.Save(ctx); err != nil {
		return 0, err
	}
	return time.Nanosecond, nil
}

// cancel ends the operation because a person said so. An upgrade that has
// closed the endpoint goes back: customers are not left outside. So does a
// rotation that has begun.
func (r *run) cancel(ctx context.Context) (time.Duration, error) {
	f := failure.New(typev1.Failure_CANCELLED, "", "A person cancelled the operation; what was done is left as it is.").Failure
	if u := r.goesForward(); u != nil && (r.book.Stamp.GetClosed() || u.GetMigrating()) {
		f.Message = "A person cancelled the upgrade."
		return r.turnBack(ctx, f)
	}
	if r.kind().turn(r, f) {
		return time.Nanosecond, r.book.Save(ctx)
	}
	return r.giveUp(ctx, typev1.OperationMetadata_CANCELLED, f)
}

// giveUp ends the operation without success. What there is stays as evidence.
func (r *run) giveUp(ctx context.Context, state typev1.OperationMetadata_State, f *typev1.Failure) (time.Duration, error) {
	op := r.book.Op.GetMetadata()
	f = failure.Attempt(f, op.GetAttempt())
	f.Retryable = false
	op.Failure = f
	r.tellEnded(ctx, state)
	r.board.over(state, time.Now())
	errand, begun := r.isErrand(), r.begun() // after it is saved, the run is about none
	if errand {
		r.unhindered()
		r.forgetTries()
	} else {
		r.book.Stamp.Failure, r.ended = f, op
	}
	if err := r.book.Save(ctx); err != nil {
		return 0, err
	}
	r.book.Op = nil
	if begun {
		r.endLeft(ctx)
	}
	r.log.WarnContext(ctx, "operation given up", "state", state.String(), "code", f.GetCode(), "message", f.GetMessage())
	if err := r.Store.ForgetShapes(ctx, op.GetEndTime().AsTime(), r.claim.Guard()); err != nil {
		return 0, err
	}
	if errand {
		return time.Nanosecond, nil // there may be more to do
	}
	r.tell(ctx)
	return later(r.Resync), nil
}

// repairFailed keeps what stands in the way of a repair as an obstacle.
func (r *run) repairFailed(ctx context.Context) (time.Duration, error) {
	r.mu.Lock()
	r.repair[r.id]++
	n := r.repair[r.id]
	r.mu.Unlock()
	r.obstruct(&typev1.Obstacle{Code: r.failed.GetCode().String(), Message: r.failed.GetMessage(), NextAction: r.failed.GetNextAction()})
	if err := r.book.Save(ctx); err != nil {
		return 0, err
	}
	r.tell(ctx)
	return r.Backoff(n), nil
}

func (r *run) forgetRepair() {
	r.mu.Lock()
	delete(r.repair, r.id)
	r.mu.Unlock()
	if s := r.book.Stamp; r.book.Op == nil {
		sealed := r.cannotOpen()
		s.Obstacles = slices.DeleteFunc(s.GetObstacles(), func(o *typev1.Obstacle) bool {
			return !lasts(o) && !(sealed && o.GetCode() == typev1.Failure_SECRET_UNREADABLE.String())
		})
	}
}

// lasts says whether an obstacle stays until another generation, however well
// the stamp runs.
func lasts(o *typev1.Obstacle) bool {
	switch o.GetCode() {
	case upgradeFailed, typev1.Failure_BACKUP_FAILED.String(), typev1.Failure_RESTORE_FAILED.String(), typev1.Failure_ROTATION_FAILED.String():
		return true
	}
	return false
}

// trouble is an error before anything was begun: the driver does not answer.
func (r *run) trouble(ctx context.Context, err error) (time.Duration, error) {
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	r.fail("", err)
	r.attempt()
	return r.attemptFailed(ctx)
}

// leftover finishes what a purge left when it was cut short between its report
// and its end: the registry has forgotten the tenant, which is known once it has
// told of all, and nothing is in the ledger. Any other record without a wish
// stays: only a wish removes.
func (s *shard) leftover(ctx context.Context, tenant string, book *record.Book) error {
	if book == nil || book.Stamp.GetLifecycle() != pb.Stamp_DESTROYED || len(book.Stamp.GetLedger()) > 0 || !s.View.Synced() {
		return nil
	}
	op, rev, err := s.Store.ReadOperation(ctx, tenant, book.Stamp.GetGeneration())
	if err != nil {
		return err
	}
	book.Op = nil
	if op != nil && !record.Over(op.GetMetadata()) {
		board{op: op.GetMetadata()}.over(typev1.OperationMetadata_SUCCEEDED, time.Now())
		book.Attach(op, rev)
	}
	if err := book.Forget(ctx); err != nil {
		return err
	}
	s.setBook(tenant, nil)
	return nil
}
