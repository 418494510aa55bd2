package engine

import (
	"strconv"
	"testing"
	"time"
)

// TestLooksAreFewEnough: a large shard looks at each of its stamps less often,
// and never at more of them in a second than it may.
func TestLooksAreFewEnough(t *testing.T) {
	for _, c := range []struct {
		stamps   int
		min, max time.Duration
	}{{1, 21900 * time.Millisecond, 30 * time.Second}, {1500, 21900 * time.Millisecond, 30 * time.Second}, {10_000, 146 * time.Second, 200 * time.Second}} {
		s := &shard{Engine: &Engine{Config: Config{Resync: 30 * time.Second, Now: time.Now}}, rests: map[string]quiet{}}
		for i := range c.stamps {
			s.rests[strconv.Itoa(i)] = quiet{}
		}
		for range 100 {
			if got := s.nextLook(); got < c.min || got > c.max {
				t.Fatalf("of %d stamps one is looked at again after %v, want %v to %v", c.stamps, got, c.min, c.max)
			}
		}
	}
}
