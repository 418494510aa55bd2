package trace

import (
	"slices"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// critical finds the steps that the operation's length follows from: from the
// step that ended last back to the one that it waited for longest, and so on.
func critical(steps []*typev1.Step) map[string]bool {
	byID := make(map[string]*typev1.Step, len(steps))
	var last *typev1.Step
	for _, s := range steps {
		if s.GetStartTime() == nil {
			continue
		}
		byID[s.GetId()] = s
		if last == nil || !ending(s).Before(ending(last)) {
			last = s
		}
	}
	path := map[string]bool{}
	for last != nil && !path[last.GetId()] {
		path[last.GetId()] = true
		last = waitedFor(last, steps, byID)
	}
	return path
}

// waitedFor is the step whose end let a step begin: of those that it names
// the last to end, or, where it names none that ran, the last to end before.
func waitedFor(step *typev1.Step, all []*typev1.Step, byID map[string]*typev1.Step) *typev1.Step {
	candidates := make([]*typev1.Step, 0, len(step.GetAfter()))
	for _, id := range step.GetAfter() {
		if s := byID[id]; s != nil {
			candidates = append(candidates, s)
		}
	}
	if len(candidates) == 0 {
		for _, s := range all {
			if s != step && s.GetEndTime() != nil && !s.GetEndTime().AsTime().After(step.GetStartTime().AsTime()) {
				candidates = append(candidates, s)
			}
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	return slices.MaxFunc(candidates, func(a, b *typev1.Step) int { return ending(a).Compare(ending(b)) })
}
