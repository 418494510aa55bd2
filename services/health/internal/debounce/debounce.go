// Package debounce turns single probe answers into a state that people can be
// woken for: one bad answer is noise, three in a row are an outage, and two
// good ones end it. Without answers the state is UNKNOWN, never a guess.
package debounce

import (
	"time"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// Thresholds says how many answers in a row change the state.
type Thresholds struct {
	// Bad answers until UNHEALTHY. Default 3.
	Bad int
	// Good answers until HEALTHY again. Default 2.
	Good int
	// Stale is how long the last answer counts; older is UNKNOWN.
	// Default 1 min.
	Stale time.Duration
}

// Default thresholds.
func Default() Thresholds { return Thresholds{Bad: 3, Good: 2, Stale: time.Minute} }

// Answer is what one probe saw.
type Answer struct {
	At      time.Time
	OK      bool
	Slow    bool
	Message string
	Latency time.Duration
}

// Check is the debounced state of one probe. The zero value has seen nothing
// and is UNKNOWN. It is not safe for concurrent use.
type Check struct {
	Held  typev1.HealthState
	Since time.Time
	Last  Answer
	Bad   int
	Good  int
}

// Observe takes one answer and reports whether the held state changed.
//
// The very first answers are taken at their word when good: a component that
// answers once serves. When bad they still need to be repeated, so that a
// check that has only just begun stays UNKNOWN.
func (c *Check) Observe(a Answer, t Thresholds) bool {
	c.Last = a
	if !a.OK {
		c.Bad, c.Good = c.Bad+1, 0
		if c.Bad >= t.Bad {
			return c.hold(typev1.HealthState_UNHEALTHY, a.At)
		}
		return false
	}
	c.Bad, c.Good = 0, c.Good+1
	serving := typev1.HealthState_HEALTHY
	if a.Slow {
		serving = typev1.HealthState_DEGRADED
	}
	if c.Good >= t.Good || c.unseen() {
		return c.hold(serving, a.At)
	}
	return false
}

// State is the held state as of now: UNKNOWN when the last answer is too old.
func (c *Check) State(now time.Time, t Thresholds) typev1.HealthState {
	if c.unseen() || now.Sub(c.Last.At) > t.Stale {
		return typev1.HealthState_UNKNOWN
	}
	return c.Held
}

func (c *Check) unseen() bool {
	return c.Held == typev1.HealthState_HEALTH_STATE_UNSPECIFIED || c.Held == typev1.HealthState_UNKNOWN
}

func (c *Check) hold(s typev1.HealthState, at time.Time) bool {
	if c.Held == s {
		return false
	}
	c.Held, c.Since = s, at
	return true
}
