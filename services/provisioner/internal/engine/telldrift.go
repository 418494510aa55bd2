package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
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

// tellRepaired puts into the tenant's timeline what differed before a repair and
// does not any more. A new holder of the claim may tell a little more often.
func (r *run) tellRepaired(before []*pb.Drift) {
	gone := slices.DeleteFunc(slices.Clone(before), func(d *pb.Drift) bool {
		return slices.ContainsFunc(r.book.Stamp.GetDrift(), func(still *pb.Drift) bool { return sameDrift(d, still) })
	})
	if len(gone) == 0 {
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
