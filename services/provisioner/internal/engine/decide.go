package engine

import "slices"

// Transition is what is to happen now.
type Transition struct {
	// Plan is every step that is still missing, those in flight included.
	Plan []Step
	// Begin are the steps of it that can start now.
	Begin []Step
}

// Done says that nothing is missing.
func (t Transition) Done() bool { return len(t.Plan) == 0 }

// Decide says which steps can start now: those of the plan that do not run
// and wait for none. It is pure.
func Decide(w Wish, have *Stamp, seen Seen) Transition {
	t := Transition{Plan: Plan(w, have, seen)}
	for _, s := range t.Plan {
		if len(s.After) == 0 && !seen.InFlight[s.ID] {
			t.Begin = append(t.Begin, s)
		}
	}
	return t
}

// steps collects a plan.
type steps []Step

// add appends a step. Steps that are not in the plan have ended, or are not
// needed, so nothing waits for them: trim drops their ids.
func (p *steps) add(component string, a Action, stepID string, after ...string) {
	*p = append(*p, Step{ID: stepID, Component: component, Action: a, After: after})
}

// trim leaves in After only steps of the plan, each once.
func (p steps) trim() []Step {
	there := map[string]bool{}
	for _, s := range p {
		there[s.ID] = true
	}
	for i, s := range p {
		var after []string
		for _, id := range s.After {
			if there[id] && id != s.ID && !slices.Contains(after, id) {
				after = append(after, id)
			}
		}
		p[i].After = after
	}
	return p
}

// ids lists the ids of the plan so far.
func (p steps) ids() []string {
	all := make([]string, 0, len(p))
	for _, s := range p {
		all = append(all, s.ID)
	}
	return all
}
