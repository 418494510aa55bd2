package engine

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/blueprint"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// Codes of obstacles that are no failures.
const (
	held            = "HELD"
	outsideOfWindow = "MAINTENANCE_WINDOW"
)

// gate says what keeps this run from beginning anything, and for how long; nil
// when nothing does. What has begun is not stopped half-way, and a backup changes
// nothing.
func (r *run) gate(now time.Time) (*typev1.Obstacle, time.Duration) {
	if r.kind().traits().harmless || r.underWay() || r.book.Op.GetCancelRequested() {
		return nil, 0
	}
	if h := r.asked.GetHold(); h != nil && now.Before(h.GetExpireTime().AsTime()) {
		until := h.GetExpireTime().AsTime()
		return &typev1.Obstacle{
			Code:       held,
			Message:    fmt.Sprintf("Held by %s until %s: %s", h.GetOwner(), shortTime(until), h.GetReason()),
			NextAction: fmt.Sprintf("Ask %s, or end the hold.", h.GetOwner()),
		}, until.Sub(now)
	}
	if r.book.Op.GetMetadata().GetKind() != typev1.OperationMetadata_UPGRADE || r.asked.GetUrgentGeneration() == r.asked.GetGeneration() {
		return nil, 0
	}
	opens, open := windowOpens(r.asked.GetMaintenanceWindow(), now)
	if open {
		return nil, 0
	}
	return &typev1.Obstacle{
		Code:       outsideOfWindow,
		Message:    fmt.Sprintf("The upgrade waits for the maintenance window, which opens at %s.", shortTime(opens)),
		NextAction: "Wait, or upgrade with --now.",
	}, opens.Sub(now)
}

// underWay says whether steps were begun that are better ended than left.
func (r *run) underWay() bool {
	return r.book.Stamp.GetClosed() || r.book.Op.GetMetadata().GetState() == typev1.OperationMetadata_RUNNING
}

// windowOpens says whether a window is open, and otherwise when it opens next.
// None is always open; so is one whose schedule nobody understands any more.
func windowOpens(w *registryv1.MaintenanceWindow, now time.Time) (opens time.Time, open bool) {
	if w == nil {
		return now, true
	}
	last, err := blueprint.NextTick(w.GetSchedule(), now.Add(-w.GetDuration().AsDuration()))
	if err != nil || !last.After(now) {
		return now, true
	}
	return last, false
}

// hinder shows what blocks the tenant's next operation. What runs goes on
// running.
func (r *run) hinder(ctx context.Context, o *typev1.Obstacle) error {
	untold := r.board.op != nil && len(r.board.op.GetObstacles()) == 0
	if !r.obstruct(o) && !r.drifted && !untold {
		return nil
	}
	if r.board.op != nil {
		r.board.op.Obstacles = r.book.Stamp.GetObstacles()
	}
	if err := r.book.Save(ctx); err != nil {
		return err
	}
	r.tell(ctx)
	return nil
}

// obstruct notes an obstacle, beside those that last, since when it is there.
// False: nothing of it is new.
func (r *run) obstruct(o *typev1.Obstacle) bool {
	s := r.book.Stamp
	o.Since = timestamppb.Now()
	var all []*typev1.Obstacle
	same := false
	for _, old := range s.GetObstacles() {
		switch {
		case old.GetCode() == o.GetCode():
			o.Since, same = old.GetSince(), old.GetMessage() == o.GetMessage()
		case lasts(old):
			all = append(all, old)
		}
	}
	known := len(s.GetObstacles())
	all = append(all, o)
	s.Obstacles = all
	return !same || known != len(s.GetObstacles())
}

func shortTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
