// Package readiness answers "can we take the next customer?" from figures: how
// many more fit, and how long it took lately. It is pure. What is not known is
// said to be unknown, and never guessed.
package readiness

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/placement"
)

const (
	// window is how many past operations are looked at.
	window = 20
	// enough is how many successes make a speed.
	enough = 3
)

// Question is what is about to be sold, with all that is known.
type Question struct {
	Ask      placement.Ask
	Revision string
	// Count is how many customers, at least one.
	Count int32
	Cells []placement.Cell
	// Past are the records of creations of that blueprint and plan, in any order.
	Past []*pb.ShapeRecord
	Now  time.Time
}

// Evaluate gives the verdict with its evidence.
func Evaluate(q Question) *pb.EvaluateReadinessResponse {
	q.Count = max(q.Count, 1)
	r := &pb.EvaluateReadinessResponse{
		EvaluateTime: timestamppb.New(q.Now), Revision: q.Revision, Plan: q.Ask.Plan,
	}
	sum := cells(q, r)
	r.Headroom, r.TightestResource = clamp(sum.room), placement.Word(sum.tightest)
	r.LeadTime = lead(q.Past)
	r.Verdict = sum.verdict(int64(q.Count))
	if len(q.Cells) == 0 {
		r.Verdict = pb.EvaluateReadinessResponse_UNKNOWN
	}
	r.Sentence = fmt.Sprintf("%s: %s. %s", r.GetVerdict(), fit(r, q, sum), speed(r.GetLeadTime()))
	return r
}

// totals is over all cells.
type totals struct {
	room     int64  // in cells that can take stamps now
	tightest string // in the one of them with the most room
	away     int64  // in cells that cannot be reached, by their last report
	open     int    // cells that can take stamps now
}

func (t totals) verdict(count int64) pb.EvaluateReadinessResponse_Verdict {
	switch {
	case t.room >= count:
		return pb.EvaluateReadinessResponse_YES
	case t.room+t.away >= count:
		return pb.EvaluateReadinessResponse_UNKNOWN
	}
	return pb.EvaluateReadinessResponse_NO
}

// cells looks at each cell and notes what was found in r.
func cells(q Question, r *pb.EvaluateReadinessResponse) totals {
	var t totals
	var most int64 = -1
	for _, c := range q.Cells {
		room, tightest := c.Headroom(q.Ask.Footprint)
		h := &pb.CellHeadroom{Cell: "cells/" + c.Name, Free: c.Free(), TightestResource: placement.Word(tightest)}
		r.Cells = append(r.Cells, h)
		if x := c.Exclude(q.Ask); x != nil {
			h.ExcludedReason = x.Reason
			switch x.Code {
			case "CELL_UNREACHABLE":
				t.away += room
				r.Caveats = append(r.Caveats, fmt.Sprintf("Cell %s cannot be reached; by its last report %d more would fit there.", c.Name, room))
			case "CELL_CORDONED":
				r.Caveats = append(r.Caveats, fmt.Sprintf("Cell %s is left out: %s.", c.Name, x.Reason))
			}
			continue
		}
		h.Headroom = clamp(room)
		t.room += room
		t.open++
		if room > most {
			most, t.tightest = room, tightest
		}
	}
	return t
}

// fit says how many fit, without a full stop.
func fit(r *pb.EvaluateReadinessResponse, q Question, t totals) string {
	tight := ""
	if r.GetTightestResource() != "" {
		tight = fmt.Sprintf(" (%s is tightest)", r.GetTightestResource())
	}
	switch {
	case len(q.Cells) == 0:
		return "no cell has been reported yet"
	case r.GetVerdict() == pb.EvaluateReadinessResponse_UNKNOWN:
		return fmt.Sprintf("%s sure to fit%s, %d asked for, and %d more only if a cell comes back that cannot be reached now", copies(t.room, q.Ask.Plan), tight, q.Count, t.away)
	case t.open == 0:
		return "no cell can take a new customer now"
	case r.GetVerdict() == pb.EvaluateReadinessResponse_NO && t.room == 0:
		return fmt.Sprintf("no more %s copy fits%s", q.Ask.Plan, tight)
	case r.GetVerdict() == pb.EvaluateReadinessResponse_NO:
		return fmt.Sprintf("only %s, %d asked for%s", more(t.room, q.Ask.Plan), q.Count, tight)
	}
	return more(t.room, q.Ask.Plan) + tight
}

func copies(n int64, plan string) string {
	if n == 1 {
		return fmt.Sprintf("1 %s copy is", plan)
	}
	return fmt.Sprintf("%d %s copies are", n, plan)
}

func more(n int64, plan string) string {
	if n == 1 {
		return fmt.Sprintf("1 more %s copy fits", plan)
	}
	return fmt.Sprintf("%d more %s copies fit", n, plan)
}

// speed says how long it took lately.
func speed(l *pb.LeadTime) string {
	failed := "none failed"
	if l.GetFailures() > 0 {
		failed = fmt.Sprintf("%d failed", l.GetFailures())
	}
	switch {
	case l == nil:
		return "Speed: unknown, no stamping so far."
	case l.GetP50() == nil && l.GetSamples() == 1 && l.GetFailures() == 0:
		return "Speed: unknown, one stamping so far."
	case l.GetP50() == nil && l.GetSamples() == 1:
		return "Speed: unknown, one stamping so far, and it failed."
	case l.GetP50() == nil:
		return fmt.Sprintf("Speed: unknown, %d stampings so far, %s.", l.GetSamples(), failed)
	}
	return fmt.Sprintf("Last %d took %.1f s (p50), %.1f s (p95), %s.", l.GetSamples(),
		l.GetP50().AsDuration().Seconds(), l.GetP95().AsDuration().Seconds(), failed)
}

// lead looks at the newest of the past; with too few successes it has no
// figures, and without any past it is nil.
func lead(past []*pb.ShapeRecord) *pb.LeadTime {
	newest := slices.Clone(past)
	slices.SortFunc(newest, func(a, b *pb.ShapeRecord) int { return b.GetEndTime().AsTime().Compare(a.GetEndTime().AsTime()) })
	newest = newest[:min(len(newest), window)]
	if len(newest) == 0 {
		return nil
	}
	l := &pb.LeadTime{Samples: int32(len(newest))}
	var took []time.Duration
	for _, s := range newest {
		if s.GetOutcome() == typev1.OperationMetadata_SUCCEEDED {
			took = append(took, s.GetLeadTime().AsDuration())
		} else {
			l.Failures++
		}
	}
	if len(took) >= enough {
		slices.Sort(took)
		l.P50, l.P95 = durationpb.New(percentile(took, 50)), durationpb.New(percentile(took, 95))
	}
	return l
}

// percentile is by nearest rank: one that really happened.
func percentile(sorted []time.Duration, p int) time.Duration {
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}

func clamp(n int64) int32 { return int32(min(n, 1<<31-1)) }
