package debounce

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// feed gives a check one answer a second: "+" good, "s" slow, "-" bad.
func feed(c *Check, answers string) time.Time {
	now := start
	for _, a := range answers {
		now = now.Add(time.Second)
		c.Observe(Answer{At: now, OK: a != '-', Slow: a == 's'}, Default())
	}
	return now
}

func TestStateAfterAnswers(t *testing.T) {
	for _, tc := range []struct {
		why, answers string
		want         typev1.HealthState
	}{
		{"no data is unknown", "", typev1.HealthState_UNKNOWN},
		{"the first good answer is believed", "+", typev1.HealthState_HEALTHY},
		{"two bad answers say nothing yet", "--", typev1.HealthState_UNKNOWN},
		{"three bad answers are an outage", "---", typev1.HealthState_UNHEALTHY},
		{"two bad answers are noise", "++--", typev1.HealthState_HEALTHY},
		{"noise is forgotten by a good answer", "++--+--", typev1.HealthState_HEALTHY},
		{"three bad answers end serving", "++---", typev1.HealthState_UNHEALTHY},
		{"one good answer ends no outage", "++---+", typev1.HealthState_UNHEALTHY},
		{"two good answers do", "++---++", typev1.HealthState_HEALTHY},
		{"slow is seen", "++ss", typev1.HealthState_DEGRADED},
		{"fast again", "++ss++", typev1.HealthState_HEALTHY},
	} {
		t.Run(tc.why, func(t *testing.T) {
			var c Check
			now := feed(&c, tc.answers)
			if got := c.State(now, Default()); got != tc.want {
				t.Errorf("after %q: got %v, want %v", tc.answers, got, tc.want)
			}
		})
	}
}

func TestOldAnswersAreUnknown(t *testing.T) {
	var c Check
	now := feed(&c, "+++")
	if got := c.State(now.Add(2*time.Minute), Default()); got != typev1.HealthState_UNKNOWN {
		t.Errorf("got %v, want UNKNOWN", got)
	}
}

// Whatever comes, the state only leaves UNHEALTHY after two good answers and
// only enters it after three bad ones.
func TestThresholdsHoldForAnyAnswers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		answers := rapid.StringMatching(`[-+]{0,40}`).Draw(t, "answers")
		var c Check
		before := typev1.HealthState_UNKNOWN
		for i := range answers {
			a := Answer{At: start, OK: answers[i] == '+'}
			c.Observe(a, Default())
			now := c.State(start, Default())
			if now == typev1.HealthState_UNHEALTHY && before != now && (i < 2 || answers[i-2:i+1] != "---") {
				t.Fatalf("unhealthy after %q", answers[:i+1])
			}
			if before == typev1.HealthState_UNHEALTHY && before != now && answers[i-1:i+1] != "++" {
				t.Fatalf("%v after %q", now, answers[:i+1])
			}
			before = now
		}
	})
}
