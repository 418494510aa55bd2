package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/blueprint"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

// Codes of obstacles that are no failures.
const (
	held            = "HELD"
	outsideOfWindow = "MAINTENANCE_WINDOW"
)

// gate says what keeps this run from beginning anything, and for how long; nil
// when nothing does. Whether the run disturbs what runs is asked only of an update
// that the window may have to keep.
func (r *run) gate(now time.Time, disturbs func() (bool, error)) (*typev1.Obstacle, time.Duration, error) {
	if o, wait := r.hold(now); o != nil {
		return o, wait, nil
	}
	return r.window(now, disturbs)
}

// free says whether neither hold nor window keep this run: what has begun is not
// stopped half-way, and a backup changes nothing.
func (r *run) free() bool {
	return r.kind().traits().harmless || r.underWay() || r.book.Op.GetCancelRequested()
}

// hold is somebody's wish that nothing begins.
func (r *run) hold(now time.Time) (*typev1.Obstacle, time.Duration) {
	h := r.asked.GetHold()
	if r.free() || h == nil || !now.Before(h.GetExpireTime().AsTime()) {
		return nil, 0
	}
	until := h.GetExpireTime().AsTime()
	return &typev1.Obstacle{
		Code:       held,
		Message:    fmt.Sprintf("Held by %s until %s: %s", h.GetOwner(), shortTime(until), h.GetReason()),
		NextAction: fmt.Sprintf("Ask %s, or end the hold.", h.GetOwner()),
	}, until.Sub(now)
}

// window is the maintenance window, while it is closed: what brings a stamp to
// another revision waits for it, and updates that disturb what runs.
func (r *run) window(now time.Time, disturbs func() (bool, error)) (*typev1.Obstacle, time.Duration, error) {
	opens, open := windowOpens(r.asked.GetMaintenanceWindow(), now)
	if open || r.free() || r.errand() != nil || r.asked.GetUrgentGeneration() == r.asked.GetGeneration() {
		return nil, 0, nil
	}
	c := ChangeOf(r.tenant, r.book.Stamp)
	was, wished := short(r.book.Stamp.GetRevision()), short(r.tenant.GetBlueprint())
	what, next := "upgrade", "Wait, or upgrade with --now."
	switch {
	case c.Moves && c.Resumes:
		what = "resume on " + wished
		next = fmt.Sprintf("Wait, or update the tenant with --now. Or set its blueprint back to %s: then it is resumed at once.", was)
	case c.Moves:
	case !c.Updates || r.begun():
		return nil, 0, nil
	default:
		what, next = "update", "Wait, or update with --now."
		if does, err := disturbs(); err != nil || !does {
			return nil, 0, err
		}
	}
	return &typev1.Obstacle{
		Code:       outsideOfWindow,
		Message:    fmt.Sprintf("The %s waits for the maintenance window, which %s.", what, whenOpens(r.asked.GetMaintenanceWindow(), opens)),
		NextAction: next,
	}, opens.Sub(now), nil
}

// begun says whether an attempt has begun a step already. An update may have
// stopped something by then, so it does not wait for the next window.
func (r *run) begun() bool {
	return slices.ContainsFunc(r.board.op.GetSteps(), func(s *typev1.Step) bool { return s.GetStartTime() != nil && s.GetId() != placeID })
}

// foreseesDisturbance says whether this run would stop or start anew anything
// that runs. It goes by what a preview goes by, for the run itself has no forms
// before it has begun. What cannot be rendered fails, and disturbs nothing.
func (r *run) foreseesDisturbance(ctx context.Context) (bool, error) {
	i := r.imagine(Question{Tenant: r.asked, Stamp: r.book.Stamp, Observed: &r.obs, Cell: r.Cell, Open: true})
	var refused *failure.Error
	if err := i.foresee(ctx); errors.As(err, &refused) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return disturbs(Plan(i.wish, i.book.Stamp, i.seen), i.book.Stamp, i.seen), nil
}

// disturbs says whether a plan stops or starts anew a component that runs. It
// does not when one is down that is to be started again: then customers are
// disturbed already, and waiting would not help them. One that was changed by
// hand is put right whatever the time. It is pure.
func disturbs(plan []Step, have *Stamp, seen Seen) bool {
	var does bool
	for _, s := range plan {
		switch s.Action {
		case Start, Stop, Close, Open, Remove:
		default:
			continue
		}
		switch running := seen.Running[s.Component]; {
		case running:
			does = does || !seen.Stale[s.Component]
		case s.Action == Start && entry(have, kindComponent, s.Component).GetState() == pb.LedgerEntry_PRESENT:
			return false
		}
	}
	return does
}

// underWay says whether steps were begun that are better ended than left.
func (r *run) underWay() bool {
	return r.book.Stamp.GetClosed() || r.book.Op.GetMetadata().GetState() == typev1.OperationMetadata_RUNNING
}

// neverOpens is when a window opens whose schedule never comes, or that nobody
// understands any more: it stays closed.
var neverOpens = time.Unix(1<<40, 0)

// windowOpens says whether a window is open, and otherwise when it opens next.
// None is always open.
func windowOpens(w *registryv1.MaintenanceWindow, now time.Time) (opens time.Time, open bool) {
	if w == nil {
		return now, true
	}
	last, err := blueprint.NextTick(w.GetSchedule(), now.Add(-w.GetDuration().AsDuration()))
	switch {
	case err != nil:
		return neverOpens, false
	case !last.After(now):
		return now, true
	}
	return last, false
}

// whenOpens says when a closed window opens, in words.
func whenOpens(w *registryv1.MaintenanceWindow, opens time.Time) string {
	if opens.Equal(neverOpens) {
		return fmt.Sprintf("never opens, for its schedule %q never comes: set another", w.GetSchedule())
	}
	return "opens at " + shortTime(opens)
}

// hinder shows what blocks the tenant's next operation. What runs goes on
// running.
func (r *run) hinder(ctx context.Context, o *typev1.Obstacle) error {
	untold := r.board.op != nil && len(r.board.op.GetObstacles()) == 0
	if !r.obstruct(o) && !r.drifted && !untold {
		return nil
	}
	if r.board.op != nil {
		r.board.op.Obstacles = slices.DeleteFunc(slices.Clone(r.book.Stamp.GetObstacles()), func(old *typev1.Obstacle) bool {
			return lasts(old) && old.GetCode() != o.GetCode() // it holds nothing up
		})
	}
	if err := r.book.Save(ctx); err != nil {
		return err
	}
	r.tell(ctx)
	return nil
}

// unhindered forgets what blocked an operation that is gone on with, or that has
// ended; not why its last attempt failed, while another one is made.
func (r *run) unhindered() {
	op := r.board.op
	if op == nil {
		return // what blocks a repair stays until it is done
	}
	s, why := r.book.Stamp, ""
	if op.GetState() == typev1.OperationMetadata_RETRYING {
		why = op.GetFailure().GetCode().String()
	}
	s.Obstacles = slices.DeleteFunc(s.GetObstacles(), func(o *typev1.Obstacle) bool { return !lasts(o) && o.GetCode() != why && o.GetCode() != r.stands })
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
