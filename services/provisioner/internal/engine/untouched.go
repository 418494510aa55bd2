package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

// Untouched says which obstacle keeps the data of a stamp from being copied or
// replaced until a person has done something; nil when none does.
func Untouched(stamp *pb.Stamp) *typev1.Obstacle {
	i := slices.IndexFunc(stamp.GetObstacles(), untouched)
	if i < 0 {
		return nil
	}
	return stamp.GetObstacles()[i]
}

func untouched(o *typev1.Obstacle) bool {
	return o.GetCode() == dataMissing || o.GetCode() == numbersTaken
}

// keptFrom ends a visit at a stamp that may not be touched as it is.
func (r *run) keptFrom(ctx context.Context) (again time.Duration, kept bool, err error) {
	newer := r.newerStamp()
	if newer != nil && halfRestored(r.book.Stamp) && r.kind().traits().mends {
		newer = nil // what it is to be is asked of data that is whole
	}
	switch o := cmp.Or(newer, r.barred(), r.dataMissing()); {
	case o != nil && r.outOfReach(o):
		again, err = r.endOutOfReach(ctx, o)
	case o != nil:
		again, err = later(r.Resync), r.hinder(ctx, o)
	case r.doesWithout():
		again, err = time.Nanosecond, r.book.Save(ctx)
	default:
		return 0, false, nil
	}
	return again, true, err
}

// outOfReach says whether what was asked for is about data that is out of reach: it
// ends, for nobody knows when the data is back, and whoever waits can do something
// about it. What has begun to change data waits.
func (r *run) outOfReach(o *typev1.Obstacle) bool {
	if _, restores := r.kind().(restoreErrand); restores && !r.untouched() {
		return false
	}
	return untouched(o) && r.kind().traits().ofData && !r.underWay()
}

// endOutOfReach ends an operation so. The obstacle stays.
func (r *run) endOutOfReach(ctx context.Context, o *typev1.Obstacle) (time.Duration, error) {
	r.obstruct(o)
	r.forgetWhole()
	r.stands = o.GetCode()
	f := failure.New(r.kind().traits().code, "", o.GetMessage()).Failure
	f.NextAction = o.GetNextAction()
	ctx, span := r.beginAttempt(ctx)
	again, err := r.giveUp(ctx, typev1.OperationMetadata_FAILED, f)
	span.End("FAILED", err)
	r.tell(ctx)
	return again, err
}

// doesWithout notes that a stamp that is to stop goes on without its last backup,
// when that cannot be made: it is not touched, or the data is gone. Whether it may
// be destroyed so is asked anew.
func (r *run) doesWithout() bool {
	if r.wish.Lifecycle == pb.Stamp_RUNNING || !r.wish.backsUp(r.book.Stamp) {
		return false
	}
	if o, _ := r.hold(time.Now()); o != nil {
		return false // it has not begun: when it does the data may be back
	}
	why := ""
	if lost := r.lostOf(r.wish.Backup.Components); len(lost) > 0 {
		why = volumesGone(lost)
	}
	if r.obs.Barred != "" {
		why = "Nothing of it can be started: " + r.obs.Barred + "."
	}
	if why == "" {
		return false
	}
	f := failure.New(typev1.Failure_BACKUP_FAILED, "", why).Failure
	f.NextAction = "Put right what is said, then undelete the tenant and back it up; or purge it with force to lose its data."
	r.doWithout(f)
	return true
}

// lostOf are the volumes that are gone of these components.
func (r *run) lostOf(components []string) []string {
	return slices.DeleteFunc(r.lost(), func(volume string) bool {
		component, _, _ := strings.Cut(volume, ".")
		return !slices.Contains(components, component)
	})
}

// isTouched ends the obstacles that kept the data out of reach.
func (r *run) isTouched() {
	s := r.book.Stamp
	s.Obstacles = slices.DeleteFunc(s.GetObstacles(), untouched)
}
