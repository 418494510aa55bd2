package supervisor

import (
	"testing"
	"time"
)

// However often a component is killed, its customer is not down for long.
func TestBackoff(t *testing.T) {
	const ms = time.Millisecond
	for _, tc := range []struct {
		name        string
		runs, waits []time.Duration
	}{
		{
			"a start that fails at once",
			make([]time.Duration, 9),
			[]time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5000 * ms, 5000 * ms, 5000 * ms},
		},
		{
			"a good run in between",
			[]time.Duration{0, 500 * ms, 3000 * ms, 0, time.Hour, 0},
			[]time.Duration{100 * ms, 200 * ms, 100 * ms, 200 * ms, 100 * ms, 200 * ms},
		},
	} {
		var b backoff
		for i, ran := range tc.runs {
			if got := b.after(ran); got != tc.waits[i] {
				t.Errorf("%s: after run %d of %v: waits %v, want %v", tc.name, i+1, ran, got, tc.waits[i])
			}
		}
	}
}
