package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/record"
)

// A stamp that differs again and again does not flood its timeline: it hears of
// repairs once in this time.
const repairsToldEvery = time.Hour

// longestRepair bounds what is said of one.
const longestRepair = 800

// heard is when a timeline last heard of a repair, and of how many it did not
// hear since.
type heard struct {
	at     time.Time
	untold int
}

// next counts a repair, and says whether it is told of.
func (h heard) next(now time.Time) (heard, bool) {
	if !h.at.IsZero() && now.Sub(h.at) < repairsToldEvery {
		return heard{at: h.at, untold: h.untold + 1}, false
	}
	return heard{at: now}, true
}

// noteRevived notes an outage that the record does not know of and that is over:
// the component's supervisor started it again before anybody looked.
func (r *run) noteRevived(c *pb.ComponentStatus, o driver.ComponentObservation) {
	times := o.Restarts - int(c.GetRestarts())
	if times <= 0 || !o.Running || !c.GetWanted() || r.board.op != nil || r.seen.Started[c.GetName()] || !lived(r.book.Stamp) {
		return
	}
	ended := "Its process ended"
	if times > 1 {
		ended += fmt.Sprintf(" %d times", times)
	}
	if o.LastExit != "" {
		ended += fmt.Sprintf(" (%s)", o.LastExit)
	}
	r.revived = append(r.revived, &pb.Drift{
		Component: c.GetName(), Kind: pb.Drift_NOT_RUNNING, Message: ended + ", and its supervisor started it again.",
	})
}

// tellRepaired puts into the tenant's timeline what differed before a repair and
// does not any more, and what came back by itself. A new holder of the claim may tell a little more often.
func (r *run) tellRepaired(before []*pb.Drift) {
	gone := slices.DeleteFunc(slices.Clone(before), func(d *pb.Drift) bool {
		return slices.ContainsFunc(r.book.Stamp.GetDrift(), func(still *pb.Drift) bool { return sameDrift(d, still) })
	})
	for _, d := range r.revived {
		if !slices.ContainsFunc(gone, func(g *pb.Drift) bool { return sameDrift(g, d) }) {
			gone = append(gone, d)
		}
	}
	if r.revived = nil; len(gone) == 0 || r.trial() {
		return
	}
	now := time.Now()
	r.mu.Lock()
	last := r.heard[r.id]
	next, tell := last.next(now)
	r.heard[r.id] = next
	r.mu.Unlock()
	if !tell {
		return
	}
	r.Reporter.Tell(&registryv1.ReportEventRequest{
		Name: record.TenantName(r.id), Uid: r.tenant.GetUid(),
		Operation: fmt.Sprintf("operations/%s.drift-%d", r.id, now.Unix()), // there is none: only to tell repairs apart
		Entry: &registryv1.TimelineEntry{
			CreateTime: timestamppb.New(now), Principal: scheduler, Action: "repair.drift", Message: repairSaid(gone, last.untold),
		},
	})
}

// repairSaid is what was repaired, in words.
func repairSaid(gone []*pb.Drift, untold int) string {
	var all []string
	for _, d := range gone {
		all = append(all, strings.TrimPrefix(d.GetComponent()+": "+d.GetMessage(), ": "))
	}
	said := "Repaired by itself. " + strings.Join(all, " ")
	if len(said) > longestRepair {
		said = strings.ToValidUTF8(said[:longestRepair], "") + "…"
	}
	if untold > 0 {
		said += fmt.Sprintf(" It was repaired %d times more since the last entry.", untold)
	}
	return said
}
