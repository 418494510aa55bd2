package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// dataMissing is the obstacle of a stamp whose data is gone. Nothing of it is
// touched then: an empty volume in its place would hide the loss.
const dataMissing = "DATA_MISSING"

// onlyShows says whether what differs is left as it is.
func (r *run) onlyShows() bool { return r.asked.GetDriftPolicy() == registryv1.Tenant_SHOW }

// noteDrift brings what differs into the record, and into what is seen, for the
// plan to repair.
func (r *run) noteDrift() {
	found := Drifts(r.wish, r.book.Stamp, r.obs)
	r.markStale(found)
	old := r.book.Stamp.GetDrift()
	for _, d := range found {
		if i := slices.IndexFunc(old, func(o *pb.Drift) bool { return sameDrift(o, d) }); i >= 0 {
			d.Since = old[i].GetSince()
			r.drifted = r.drifted || old[i].GetMessage() != d.GetMessage()
			continue
		}
		d.Since, r.drifted = timestamppb.Now(), true
		r.log.Warn("stamp differs from its ledger", "component", d.GetComponent(), "kind", d.GetKind().String(), "what", d.GetMessage())
	}
	if len(found) < len(old) {
		r.drifted = true
		r.log.Info("what differed of the stamp is gone", "differs", len(found), "differed", len(old))
	}
	r.book.Stamp.Drift = found
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.drifts, r.id)
	if len(found) > 0 {
		r.drifts[r.id] = found
	}
}

func sameDrift(a, b *pb.Drift) bool {
	return a.GetComponent() == b.GetComponent() && a.GetKind() == b.GetKind()
}

// markStale marks what the plan is to repair. A component that differs again
// right after it was started anew is left, and says so: its own program changes
// it, and no number of restarts would help.
func (r *run) markStale(found []*pb.Drift) {
	r.seen.Unsound = !r.wish.ShowOnly && (r.obs.Edited || len(r.obs.Missing) > 0 || r.book.Op != nil && r.lacksDirs())
	clear(r.seen.Stale)
	for _, c := range r.book.Stamp.GetComponents() {
		o := r.obs.Components[c.GetName()]
		if !stale(c, o) {
			r.forgetMended(c.GetName())
			continue
		}
		switch {
		case r.onlyShows() || r.seen.Started[c.GetName()] || !lived(r.book.Stamp):
		case r.isMended(c.GetName()):
			for _, d := range found {
				if d.GetComponent() == c.GetName() {
					d.Message += " It differs again since it was started anew, so it is left."
				}
			}
		default:
			r.seen.Stale[c.GetName()] = true
			r.seen.Unsound = r.seen.Unsound || len(o.Missing) > 0
		}
	}
}

// lacksDirs says whether directories of a component are gone. An operation has
// them made again whatever the policy: nothing starts without them.
func (r *run) lacksDirs() bool {
	for _, o := range r.obs.Components {
		if len(o.Missing) > 0 {
			return true
		}
	}
	return false
}

// mend notes that a component that was stale has been stopped.
func (r *run) mend(component string) {
	if !r.seen.Stale[component] {
		return
	}
	delete(r.seen.Stale, component)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mended[r.id] == nil {
		r.mended[r.id] = map[string]bool{}
	}
	r.mended[r.id][component] = true
}

func (r *run) isMended(component string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mended[r.id][component]
}

func (r *run) forgetMended(component string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.mended[r.id], component)
	if len(r.mended[r.id]) == 0 {
		delete(r.mended, r.id)
	}
}

// countDrift counts what differs in the shard, by kind; kinds of which there is
// nothing count, too.
func (s *shard) countDrift() map[string]int {
	counts := map[string]int{}
	for number, name := range pb.Drift_Kind_name {
		if number != 0 {
			counts[name] = 0
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, all := range s.drifts {
		for _, d := range all {
			counts[d.GetKind().String()]++
		}
	}
	return counts
}

// dataMissing says what keeps a stamp from being touched: its data is gone. Nil
// when it is not, or when the stamp is not to run any more.
func (r *run) dataMissing() *typev1.Obstacle {
	if r.wish.Lifecycle != pb.Stamp_RUNNING || !lived(r.book.Stamp) || r.underWay() {
		return nil
	}
	lost := r.lost()
	if len(lost) == 0 {
		return nil
	}
	return &typev1.Obstacle{
		Code:       dataMissing,
		Message:    volumesGone(lost),
		NextAction: "Put them back where they were, or create a new tenant from a backup.",
	}
}

func volumesGone(lost []string) string {
	return fmt.Sprintf("Volumes are gone, with what was in them: %s.", strings.Join(lost, ", "))
}

// lost are the volumes that are gone: of a stamp that is not there, all.
func (r *run) lost() []string {
	lost := slices.Clone(r.obs.Lost)
	if site := siteOf(r.book.Stamp); !r.obs.Exists && site != nil {
		lost = slices.AppendSeq(lost, maps.Keys(site.Volumes))
		slices.Sort(lost)
	}
	return lost
}
