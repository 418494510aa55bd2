package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

// upgradeFailed is the obstacle of a stamp that serves on its previous revision.
const upgradeFailed = "UPGRADE_FAILED"

// goesBack says whether this generation's upgrade failed, so that what ran
// before is worked towards, and kept.
func (r *run) goesBack() bool {
	u := r.book.Stamp.GetUpgrade()
	return u.GetFailure() != nil && u.GetGeneration() == r.asked.GetGeneration() && LifecycleOf(r.asked) == pb.Stamp_RUNNING
}

// setOut notes the way from one revision to another before it is begun, or takes
// over one that an older generation left.
func (r *run) setOut() {
	s, wished := r.book.Stamp, r.tenant.GetBlueprint()
	if r.wish.Lifecycle != pb.Stamp_RUNNING || !lived(s) || r.goesBack() {
		return
	}
	u := s.GetUpgrade()
	switch {
	case u == nil && s.GetRevision() == wished:
	case u == nil, !s.GetClosed() && !u.GetMigrating():
		s.Upgrade = r.newUpgrade(wished)
	case u.GetGeneration() != r.tenant.GetGeneration():
		if u.GetMigrating() && (u.GetTo() != wished || u.GetFailure() != nil) {
			u.Restoring = r.hasBackup(u)
		}
		u.To, u.Generation, u.Failure = wished, r.tenant.GetGeneration(), nil
	}
}

// newUpgrade is a way that has not begun; nil when there is nowhere to go.
func (r *run) newUpgrade(to string) *pb.Upgrade {
	s := r.book.Stamp
	if s.GetRevision() == to {
		return nil
	}
	return &pb.Upgrade{
		From: settledSpec(r.asked, s), To: to, Generation: r.tenant.GetGeneration(),
		Backup: fmt.Sprintf("upgrade-%d", r.tenant.GetGeneration()),
	}
}

// hasBackup says whether the data from before the upgrade was kept.
func (r *run) hasBackup(u *pb.Upgrade) bool { return ended(r.book.Stamp, keepID, u.GetBackup()) }

// goesForward gives the upgrade that this run is about; nil when there is none,
// or it has failed.
func (r *run) goesForward() *pb.Upgrade {
	u := r.book.Stamp.GetUpgrade()
	if r.book.Op == nil || r.isErrand() || u.GetFailure() != nil || u.GetGeneration() != r.tenant.GetGeneration() {
		return nil
	}
	return u
}

// canTurnBack says whether what failed is a reason to go back: there is a way,
// and the cell answers.
func (r *run) canTurnBack() bool {
	if r.goesForward() == nil {
		return false
	}
	return turnsBack(r.failed.GetCode())
}

// turnsBack says whether a failure is one after which the way back can be gone.
func turnsBack(code typev1.Failure_Code) bool {
	switch code {
	case typev1.Failure_CELL_UNREACHABLE, typev1.Failure_DRIVER_ERROR, typev1.Failure_SECRET_UNREADABLE:
		return false
	}
	return true
}

// turnBack ends the way forward: from now on this generation works towards what
// ran before. Customers who are kept out do not wait for another attempt.
func (r *run) turnBack(ctx context.Context, why *typev1.Failure) (time.Duration, error) {
	s, op := r.book.Stamp, r.book.Op.GetMetadata()
	u := s.GetUpgrade()
	u.Failure = failure.Attempt(why, op.GetAttempt())
	u.Failure.Retryable, u.Failure.NextRetryTime = false, nil
	u.Restoring = u.GetMigrating() && r.hasBackup(u)
	if u.GetMigrating() && !u.GetRestoring() {
		r.keepData(u)
	}
	op.Failure = proto.CloneOf(u.GetFailure())
	if err := r.book.Save(ctx); err != nil {
		return 0, err
	}
	r.log.WarnContext(ctx, "upgrade failed, going back", "to", u.GetFrom().GetBlueprint(), "code", why.GetCode(), "message", why.GetMessage())
	return time.Nanosecond, nil
}

// keepData goes back without a backup: the blueprint has no backup job, and the
// data stays as the migration left it.
func (r *run) keepData(u *pb.Upgrade) {
	for _, part := range r.wish.Parts {
		if job := id(part.Name, Migrate); part.Migrate {
			r.book.Stamp.JobsDone[job] = u.GetFrom().GetBlueprint()
		}
	}
	u.Migrating = false
}

// wentBack notes that the stamp serves on its previous revision.
func (r *run) wentBack() {
	s := r.book.Stamp
	u := s.GetUpgrade()
	s.Failure = u.GetFailure()
	s.Obstacles = []*typev1.Obstacle{{
		Code:       upgradeFailed,
		Message:    fmt.Sprintf("The upgrade to %s failed, and %s serves again: %s", short(u.GetTo()), short(u.GetFrom().GetBlueprint()), u.GetFailure().GetMessage()),
		NextAction: fmt.Sprintf("%s Or wish for %s again.", u.GetFailure().GetNextAction(), short(u.GetFrom().GetBlueprint())),
		Since:      timestamppb.Now(),
	}}
}

// outcome is how the operation of a run that did all ended.
func (r *run) outcome() typev1.OperationMetadata_State {
	switch f := r.turnedBy(); {
	case f == nil:
		return typev1.OperationMetadata_SUCCEEDED
	case f.GetCode() == typev1.Failure_CANCELLED:
		return typev1.OperationMetadata_CANCELLED
	}
	return typev1.OperationMetadata_FAILED
}

// turnedBy is why the run works towards what was before; nil when it does not.
func (r *run) turnedBy() *typev1.Failure { return r.kind().turnedBy(r) }

// short is "1.1.0" of a revision's full name.
func short(revision string) string { return revision[strings.LastIndexByte(revision, '/')+1:] }
