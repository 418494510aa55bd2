package readiness_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/placement"
	"stampworks.dev/services/provisioner/internal/readiness"
)

const gib = 1 << 30

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func cell(name string, freeGiB int64, change func(*placement.Cell)) placement.Cell {
	c := placement.Cell{Name: name, Driver: "local", Reachable: true, Allocatable: map[string]int64{"memory_bytes": freeGiB * gib, "stamps": 100}}
	if change != nil {
		change(&c)
	}
	return c
}

func past(n, failed int) []*pb.ShapeRecord {
	var all []*pb.ShapeRecord
	for i := range n {
		s := &pb.ShapeRecord{
			Outcome: typev1.OperationMetadata_SUCCEEDED, LeadTime: durationpb.New(time.Duration(i+1) * time.Second),
			EndTime: timestamppb.New(now.Add(-time.Duration(i) * time.Minute)),
		}
		if i < failed {
			s.Outcome = typev1.OperationMetadata_FAILED
		}
		all = append(all, s)
	}
	return all
}

func TestEvaluate(t *testing.T) {
	away := func(c *placement.Cell) { c.Reachable = false }
	cordoned := func(c *placement.Cell) { c.Cordoned = true }
	for _, c := range []struct {
		name  string
		cells []placement.Cell
		count int32
		past  []*pb.ShapeRecord
		want  string
	}{
		{"room, no history", []placement.Cell{cell("a", 11, nil)}, 1, nil, "YES: 11 more standard copies fit (memory is tightest). Speed: unknown, no stamping so far."},
		{"room, one stamping", []placement.Cell{cell("a", 11, nil)}, 0, past(1, 0), "YES: 11 more standard copies fit (memory is tightest). Speed: unknown, one stamping so far."},
		{"two are not enough for a speed", []placement.Cell{cell("a", 1, nil)}, 1, past(2, 0), "YES: 1 more standard copy fits (memory is tightest). Speed: unknown, 2 stampings so far, none failed."},
		{"twelve are", []placement.Cell{cell("a", 5, nil), cell("b", 6, nil)}, 1, past(12, 0), "YES: 11 more standard copies fit (memory is tightest). Last 12 took 6.0 s (p50), 12.0 s (p95), none failed."},
		{"failures are told", []placement.Cell{cell("a", 5, nil)}, 1, past(12, 2), "YES: 5 more standard copies fit (memory is tightest). Last 12 took 7.0 s (p50), 12.0 s (p95), 2 failed."},
		{"only the last twenty count", []placement.Cell{cell("a", 5, nil)}, 1, past(50, 0), "YES: 5 more standard copies fit (memory is tightest). Last 20 took 10.0 s (p50), 19.0 s (p95), none failed."},
		{"none fits", []placement.Cell{cell("a", 0, nil)}, 1, nil, "NO: no more standard copy fits (memory is tightest). Speed: unknown, no stamping so far."},
		{"too few fit", []placement.Cell{cell("a", 3, nil)}, 5, nil, "NO: only 3 more standard copies fit, 5 asked for (memory is tightest). Speed: unknown, no stamping so far."},
		{"it depends on a cell that is away", []placement.Cell{cell("a", 1, nil), cell("b", 4, away)}, 3, nil, "UNKNOWN: 1 standard copy is sure to fit (memory is tightest), 3 asked for, and 4 more only if a cell comes back that cannot be reached now. Speed: unknown, no stamping so far."},
		{"a cordoned cell is no room", []placement.Cell{cell("a", 9, cordoned)}, 1, nil, "NO: no cell can take a new customer now. Speed: unknown, no stamping so far."},
		{"no cells", nil, 1, nil, "UNKNOWN: no cell has been reported yet. Speed: unknown, no stamping so far."},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := readiness.Evaluate(readiness.Question{
				Ask:   placement.Ask{Plan: "standard", Drivers: []string{"local"}, Footprint: map[string]int64{"memory_bytes": gib, "stamps": 1}},
				Count: c.count, Cells: c.cells, Past: c.past, Now: now,
			})
			if r.GetSentence() != c.want {
				t.Errorf("\n got %s\nwant %s", r.GetSentence(), c.want)
			}
			if !strings.HasPrefix(r.GetSentence(), r.GetVerdict().String()) {
				t.Errorf("verdict %s", r.GetVerdict())
			}
			if l := r.GetLeadTime(); l != nil && int(l.GetSamples()-l.GetFailures()) < 3 && l.GetP50() != nil {
				t.Error("a speed was guessed")
			}
		})
	}
}

func TestCaveats(t *testing.T) {
	r := readiness.Evaluate(readiness.Question{
		Ask:   placement.Ask{Plan: "standard", Drivers: []string{"local"}, Footprint: map[string]int64{"memory_bytes": gib}},
		Cells: []placement.Cell{cell("a", 4, nil), cell("b", 4, func(c *placement.Cell) { c.Reachable = false })},
		Now:   now,
	})
	if len(r.GetCaveats()) != 1 || !strings.Contains(r.GetCaveats()[0], "Cell b") || r.GetCells()[1].GetExcludedReason() == "" {
		t.Errorf("caveats %q, cells %v", r.GetCaveats(), r.GetCells())
	}
}
