package engine

import (
	"fmt"
	"testing"
	"time"
)

// TestSpread: a thousand tenants of one schedule begin at moments of their own,
// within ten minutes and a tenth of the period, and always at the same.
func TestSpread(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	for schedule, want := range map[string]struct {
		at     time.Duration
		within time.Duration
	}{
		"0 3 * * *":    {time.Hour, 10 * time.Minute},
		"*/10 * * * *": {10 * time.Minute, time.Minute},
		"0 * * * *":    {time.Hour, 6 * time.Minute},
	} {
		moments := map[time.Time]bool{}
		for i := range 1000 {
			uid := fmt.Sprintf("uid-%d", i)
			got, err := nextTick(uid, schedule, since)
			if err != nil {
				t.Fatal(err)
			}
			late := got.due.Sub(got.at)
			if !got.at.Equal(since.Add(want.at)) || late < 0 || late >= want.within {
				t.Fatalf("%s: due %v after %v", schedule, late, got.at)
			}
			if again, _ := nextTick(uid, schedule, since); again != got {
				t.Fatalf("%s: %v, then %v", schedule, got, again)
			}
			moments[got.due] = true
		}
		if len(moments) < 500 {
			t.Errorf("%s: a thousand tenants begin at %d moments", schedule, len(moments))
		}
	}
}

// TestTickIsCountedOnce: at rest nothing is counted from the schedule.
func TestTickIsCountedOnce(t *testing.T) {
	r := &run{shard: &shard{ticks: map[string]tick{}}, id: "acme"}
	since := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	first, err := r.tick("0 3 * * *", since)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = r.tick("0 3 * * *", since) }); n > 0 {
		t.Errorf("a look at rest allocates %v times: it counts anew", n)
	}
	next, err := r.tick("0 3 * * *", since.Add(2*time.Hour))
	if err != nil || !next.at.Equal(first.at.Add(24*time.Hour)) {
		t.Errorf("after the tick: %v, %v", next, err)
	}
}
