// Package verdict sums up what the probes of one stamp see: a state, the
// component in which the trouble began, and one sentence that support can
// read aloud.
package verdict

import (
	"fmt"
	"slices"
	"strings"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// Stamp is what a verdict is made of.
type Stamp struct {
	DisplayName string
	// NotRunning is why nothing is meant to run, such as "suspended"; empty
	// when it is meant to.
	NotRunning string
	// Unmade is that the copy was never made, and nobody tries again.
	Unmade bool
	// Lagging is what one that serves is behind in, such as "on 1.0.0: the
	// upgrade to 1.1.0 failed"; empty when it is as wished.
	Lagging string
	// Changing is a sentence about a change under way, to be added while one does
	// not serve in full because of it.
	Changing string
	// Aside is a sentence to be added: what is wrong beside what the probes see.
	Aside string
	// Components in start order, and what each depends on.
	Components []*healthv1.CheckHealth
	DependsOn  map[string][]string
	// Endpoint is the customer's URL; nil when the product has none.
	Endpoint *healthv1.CheckHealth
}

// Sum gives the state, the root component and the sentence.
func Sum(s Stamp) (state typev1.HealthState, root, sentence string) {
	state, root, sentence = sum(s)
	if s.Changing != "" && state != typev1.HealthState_HEALTHY {
		sentence += " " + s.Changing
	}
	if s.Aside != "" {
		sentence += " " + s.Aside
	}
	return state, root, sentence
}

func sum(s Stamp) (state typev1.HealthState, root, sentence string) {
	if s.Unmade {
		return typev1.HealthState_UNHEALTHY, "", s.DisplayName + " is down: its copy could not be made."
	}
	if s.NotRunning != "" {
		return typev1.HealthState_NOT_RUNNING, "", fmt.Sprintf("%s is not running: %s.", s.DisplayName, s.NotRunning)
	}
	state = worst(s)
	switch state {
	case typev1.HealthState_HEALTHY:
		return state, "", s.DisplayName + " is up" + as(s) + ": " + serving(s) + "."
	case typev1.HealthState_UNKNOWN:
		return state, "", s.DisplayName + " is not known to be up: there are no answers to judge by yet."
	}
	root = rootOf(s)
	return state, root, s.DisplayName + " " + trouble(s, state, root) + "."
}

// rank orders states from good to bad. UNKNOWN hides behind known trouble but
// not behind health.
var rank = map[typev1.HealthState]int{
	typev1.HealthState_HEALTHY:   1,
	typev1.HealthState_UNKNOWN:   2,
	typev1.HealthState_DEGRADED:  3,
	typev1.HealthState_UNHEALTHY: 4,
}

func checks(s Stamp) []*healthv1.CheckHealth {
	all := slices.Clone(s.Components)
	if s.Endpoint != nil {
		all = append(all, s.Endpoint)
	}
	return all
}

// worst of all checks. A component that is down while the customer's URL
// answers leaves the stamp DEGRADED: it serves, in part.
func worst(s Stamp) typev1.HealthState {
	state := typev1.HealthState_HEALTHY
	all := checks(s)
	if len(all) == 0 {
		return typev1.HealthState_UNKNOWN
	}
	for _, c := range all {
		if rank[c.GetState()] > rank[state] {
			state = c.GetState()
		}
	}
	if state == typev1.HealthState_UNHEALTHY && s.Endpoint != nil && s.Endpoint.GetState() == typev1.HealthState_HEALTHY {
		return typev1.HealthState_DEGRADED
	}
	return state
}

// rootOf finds the troubled component that depends on no other troubled one.
func rootOf(s Stamp) string {
	bad := map[string]bool{}
	for _, c := range s.Components {
		bad[c.GetName()] = rank[c.GetState()] >= rank[typev1.HealthState_DEGRADED]
	}
	for _, c := range s.Components {
		dependsOnBad := slices.ContainsFunc(s.DependsOn[c.GetName()], func(d string) bool { return bad[d] })
		if bad[c.GetName()] && !dependsOnBad {
			return c.GetName()
		}
	}
	return ""
}

// as says how one that is up differs from what is wished.
func as(s Stamp) string {
	if s.Lagging == "" {
		return ""
	}
	return " (" + s.Lagging + ")"
}

func serving(s Stamp) string {
	parts := "all " + count(len(s.Components), "part") + " serve"
	if len(s.Components) == 1 {
		parts = "its one part serves"
	}
	if s.Endpoint == nil {
		return parts
	}
	return parts + ", and the customer's address answers"
}

func trouble(s Stamp, state typev1.HealthState, root string) string {
	if root == "" {
		if good := s.Endpoint.GetConsecutiveSuccesses(); good > 0 {
			return "is coming back: the customer's address answers again, " + count(int(good), "good answer") + " so far"
		}
		return fmt.Sprintf("is down: every part serves, but the customer's address does not (%s)", s.Endpoint.GetMessage())
	}
	c := s.Components[slices.IndexFunc(s.Components, func(c *healthv1.CheckHealth) bool { return c.GetName() == root })]
	others := behind(s, root)
	if c.GetState() == typev1.HealthState_DEGRADED {
		return fmt.Sprintf("is slow: %s answers late (%s)%s", root, c.GetMessage(), with(others))
	}
	now := fmt.Sprintf("%s does not answer (%s)%s", root, c.GetMessage(), with(others))
	// One good answer does not end an outage yet, but it is one.
	good := int(c.GetConsecutiveSuccesses())
	if good > 0 {
		now = fmt.Sprintf("%s answers again, %s so far", root, count(good, "good answer"))
		if len(others) > 0 {
			now += "; to follow: " + strings.Join(others, ", ")
		}
	}
	switch {
	case state == typev1.HealthState_DEGRADED:
		return "serves in part: " + now
	case good > 0:
		return "is coming back: " + now
	}
	return "is down: " + now
}

// behind are the other troubled components.
func behind(s Stamp, root string) []string {
	var names []string
	for _, c := range s.Components {
		if c.GetName() != root && rank[c.GetState()] >= rank[typev1.HealthState_DEGRADED] {
			names = append(names, c.GetName())
		}
	}
	return names
}

func with(others []string) string {
	if len(others) == 0 {
		return ""
	}
	return ", and with it " + strings.Join(others, ", ")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
