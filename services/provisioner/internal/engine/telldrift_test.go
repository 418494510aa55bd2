package engine

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// The timeline hears of a repair at most once an hour, and of how many it did not.
func TestRepairsAreToldOnceAnHour(t *testing.T) {
	start := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	var h heard
	for _, c := range []struct {
		after  time.Duration
		tell   bool
		untold int // before it
	}{
		{0, true, 0}, {time.Minute, false, 0}, {59 * time.Minute, false, 1}, {time.Hour, true, 2}, {61 * time.Minute, false, 0}, {3 * time.Hour, true, 1},
	} {
		next, tell := h.next(start.Add(c.after))
		if tell != c.tell || h.untold != c.untold {
			t.Errorf("after %v: told %t with %d before, want %t with %d", c.after, tell, h.untold, c.tell, c.untold)
		}
		h = next
	}
}

func TestWhatIsSaidOfARepair(t *testing.T) {
	drift := []*pb.Drift{{Component: "app", Message: "It is meant to run and does not."}, {Message: "Gone: firewall rules."}}
	if got, want := repairSaid(drift, 0), "Repaired by itself. app: It is meant to run and does not. Gone: firewall rules."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := repairSaid(drift[:1], 7); !strings.HasSuffix(got, " It was repaired 7 times more since the last entry.") {
		t.Errorf("got %q", got)
	}
	long := repairSaid([]*pb.Drift{{Message: strings.Repeat("é", 5000)}}, 7)
	if len(long) > 1000 || !utf8.ValidString(long) { // the registry takes no more
		t.Errorf("%d bytes: %q", len(long), long)
	}
}
