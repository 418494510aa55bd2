package engine

import (
	"slices"

	"stampworks.dev/pkg/blueprint/preview"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// jobs are the actions that run a job of the component.
var jobs = []Action{Setup, Migrate, Backup, Restore}

// foreseen says what a plan does with each component. It reads the plan and
// decides nothing: a component that has no step of its own but a look is left
// as it is. It is pure.
func foreseen(w Wish, have *Stamp, seen Seen, plan []Step) []*typev1.ComponentPreview {
	steps := map[string][]Action{}
	for _, s := range plan {
		steps[s.Component] = append(steps[s.Component], s.Action)
	}
	var all []*typev1.ComponentPreview
	for _, part := range w.Parts {
		c := &typev1.ComponentPreview{Name: part.Name}
		for _, a := range steps[part.Name] {
			if slices.Contains(jobs, a) {
				c.Jobs = append(c.Jobs, string(a))
			}
		}
		c.Action, c.Fields = action(part, have, steps[part.Name])
		if c.GetAction() == typev1.ComponentPreview_RESTART {
			c.Reason = why(w, part.Name, seen, steps)
		}
		all = append(all, c)
	}
	for _, name := range made(have) {
		if _, wished := w.part(name); !wished {
			all = append(all, &typev1.ComponentPreview{Name: name, Action: ending(w, steps, name)})
		}
	}
	return all
}

// action is what the steps of a wished component come to, and what differs.
func action(part Part, have *Stamp, steps []Action) (typev1.ComponentPreview_Action, []*typev1.FieldChange) {
	if !slices.Contains(steps, Start) && !slices.Contains(steps, Open) {
		return typev1.ComponentPreview_NOTHING, nil
	}
	e := entry(have, kindComponent, part.Name)
	if e == nil || have.GetRevision() == "" && e.GetState() != pb.LedgerEntry_PRESENT {
		return typev1.ComponentPreview_CREATE, nil
	}
	if part.Rendered != "" {
		if fields := preview.Fields(e.GetRendered(), part.Rendered); len(fields) > 0 {
			return typev1.ComponentPreview_CHANGE, fields
		}
	}
	return typev1.ComponentPreview_RESTART, nil
}

// why says why a component is started though its definition is the same.
func why(w Wish, name string, seen Seen, steps map[string][]Action) string {
	causes := preview.Causes{Migrating: map[string]bool{}, BackedUp: map[string]bool{}}
	for component, actions := range steps {
		causes.Migrating[component] = slices.Contains(actions, Migrate)
		causes.BackedUp[component] = component != "" && slices.Contains(actions, Backup)
		if slices.Contains(actions, Close) {
			causes.Closed = component
		}
	}
	because := causes.Because(name, func(of string) []string { p, _ := w.part(of); return p.DependsOn })
	switch {
	case because != "":
		return because
	case !seen.Running[name]:
		return preview.NotRunning
	case seen.Stale[name]:
		return "it was changed by hand"
	}
	return "an earlier change of it was cut short"
}

// ending is what becomes of a component that is not wished to run.
func ending(w Wish, steps map[string][]Action, name string) typev1.ComponentPreview_Action {
	switch {
	case w.Lifecycle == pb.Stamp_DESTROYED && slices.Contains(steps[""], Destroy), slices.Contains(steps[name], Remove):
		return typev1.ComponentPreview_REMOVE
	case slices.Contains(steps[name], Stop):
		return typev1.ComponentPreview_STOP
	}
	return typev1.ComponentPreview_NOTHING
}
