package engine

import (
	"cmp"
	"context"
	"slices"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// RestartWish is components that are to be restarted, once.
type RestartWish struct {
	// Key says who asked.
	Key        string
	Components map[string]bool
}

// restartID is where the record's jobs_done notes for whom a component was
// restarted last.
func restartID(component string) string { return component + ".restart" }

// repairErrand is the kind of a repair that somebody asked for.
type repairErrand struct {
	errand
	work *pb.Errand_RepairStamp
}

func (k repairErrand) traits() traits {
	what := cmp.Or(k.work.GetComponent(), "everything")
	t := traits{
		errand: true, code: typev1.Failure_REPAIR_FAILED,
		asked: "A restart of " + what + " was asked for", succeeded: "Restarted " + what + ", and it serves",
	}
	if why := k.work.GetReason(); why != "" {
		t.asked += ": " + why
	}
	return t
}

func (k repairErrand) wish(_ context.Context, r *run) error {
	w := &RestartWish{Key: r.book.Op.GetName(), Components: map[string]bool{}}
	for _, part := range r.wish.Parts {
		if k.work.GetComponent() == "" || k.work.GetComponent() == part.Name {
			w.Components[part.Name] = true
		}
	}
	r.wish.Restart = w
	return nil
}

// restartDue says whether a component was not restarted yet.
func (w Wish) restartDue(component string, have *Stamp) bool {
	return w.Restart != nil && w.Restart.Components[component] && !ended(have, restartID(component), w.Restart.Key)
}

// restart plans to stop what is to be restarted, those who use others first.
func (p *steps) restart(w Wish, have *Stamp, seen Seen, o *order) {
	for _, part := range w.Parts {
		if !w.restartDue(part.Name, have) || !seen.Running[part.Name] || o.paused[part.Name] {
			continue
		}
		after := slices.Clone(o.before)
		for _, user := range w.Parts {
			if slices.Contains(user.DependsOn, part.Name) && w.restartDue(user.Name, have) {
				after = append(after, id(user.Name, Stop))
			}
		}
		p.add(part.Name, Stop, id(part.Name, Stop), after...)
		o.paused[part.Name] = true
	}
}

// verifies says whether a component is asked although this run may not have
// started it: an earlier one, cut short, may have. Of a rotation only once the
// other version is used. One into which data is brought back may have just come
// up again: that it was killed may be why this is the way back.
func (w Wish) verifies(component string, have *Stamp) bool {
	if w.restores(have) && slices.Contains(w.Restore.Components, component) && !w.Restore.Stopped[component] {
		return !ended(have, id(component, Restore), w.Restore.Key)
	}
	return w.Rotate != nil && ended(have, useID, w.Rotate.Key) || w.Restart != nil && w.Restart.Components[component]
}

// restarted notes that a component was stopped, or started, for those who asked.
func (r *run) restarted(component string) {
	if r.wish.restartDue(component, r.book.Stamp) {
		r.book.Stamp.JobsDone[restartID(component)] = r.wish.Restart.Key
	}
}
