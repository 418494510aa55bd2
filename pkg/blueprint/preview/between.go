package preview

import (
	"maps"
	"slices"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// Between says what becomes of each component when after takes the place of
// before, which is nil when there is nothing yet. before is taken to run as it
// was wished. What cannot be rendered is an error that names the field.
func Between(before, after *Side) (*typev1.Preview, error) {
	c := change{before: before, after: after, old: map[string]string{}}
	var err error
	if before != nil {
		if c.old, err = before.forms(); err != nil {
			return nil, err
		}
	}
	if c.wished, err = after.forms(); err != nil {
		return nil, err
	}
	p := &typev1.Preview{}
	if after.Stopped {
		p.Components = c.stopped()
	} else {
		p.Components = c.running()
	}
	p.Summary = Summary(p.GetComponents(), nil)
	return p, nil
}

// change is two sides, rendered.
type change struct {
	before, after *Side
	old, wished   map[string]string
}

// stopped is for a tenant that is not to run: what runs is stopped, and a
// changed definition waits until it is resumed.
func (c change) stopped() []*typev1.ComponentPreview {
	action := typev1.ComponentPreview_STOP
	recipe := c.after.Recipe
	switch {
	case c.before == nil:
		action = typev1.ComponentPreview_NOTHING
	case c.before.Stopped:
		action, recipe = typev1.ComponentPreview_NOTHING, c.before.Recipe
	default:
		recipe = c.before.Recipe
	}
	var all []*typev1.ComponentPreview
	for _, name := range recipe.Order() {
		all = append(all, &typev1.ComponentPreview{Name: name, Action: action})
	}
	return all
}

func (c change) running() []*typev1.ComponentPreview {
	recipe := c.after.Recipe
	migrates := c.migrating()
	var all []*typev1.ComponentPreview
	for _, name := range recipe.Order() {
		one := &typev1.ComponentPreview{Name: name, Jobs: c.jobs(name, migrates)}
		because := Because(name, migrates, recipe.DependsOn)
		old, there := c.old[name]
		switch {
		case !there:
			one.Action = typev1.ComponentPreview_CREATE
		case len(Fields(old, c.wished[name])) > 0:
			one.Action, one.Fields = typev1.ComponentPreview_CHANGE, Fields(old, c.wished[name])
		case because != "":
			one.Action, one.Reason = typev1.ComponentPreview_RESTART, because
		case c.before.Stopped:
			one.Action, one.Reason = typev1.ComponentPreview_RESTART, NotRunning
		default:
			one.Action = typev1.ComponentPreview_NOTHING
		}
		all = append(all, one)
	}
	for _, name := range slices.Sorted(maps.Keys(c.old)) {
		if _, stays := c.wished[name]; !stays {
			all = append(all, &typev1.ComponentPreview{Name: name, Action: typev1.ComponentPreview_REMOVE})
		}
	}
	return all
}

// migrating are the components whose migrate job runs: it does once for every
// revision.
func (c change) migrating() map[string]bool {
	found := map[string]bool{}
	for name, component := range c.after.Recipe.Message().GetComponents() {
		_, there := c.old[name]
		again := !there || c.before.Recipe.Revision() != c.after.Recipe.Revision()
		if component.GetMigrate() != nil && again {
			found[name] = true
		}
	}
	return found
}

func (c change) jobs(name string, migrates map[string]bool) []string {
	var jobs []string
	setUp := false
	if c.before != nil {
		setUp = c.before.Recipe.Message().GetComponents()[name].GetSetup() != nil
	}
	if c.after.Recipe.Message().GetComponents()[name].GetSetup() != nil && !setUp {
		jobs = append(jobs, "setup")
	}
	if migrates[name] {
		jobs = append(jobs, "migrate")
	}
	return jobs
}

// NotRunning is the reason of what is started because it does not run.
const NotRunning = "it does not run"

// Because says why a component is stopped while others migrate, though its
// definition is the same: it migrates itself, or depends, directly or not, on
// what does. Empty: it is not.
func Because(name string, migrates map[string]bool, dependsOn func(string) []string) string {
	if migrates[name] {
		return "it migrates"
	}
	seen := map[string]bool{name: true}
	var found []string
	for queue := dependsOn(name); len(queue) > 0; queue = queue[1:] {
		next := queue[0]
		if seen[next] {
			continue
		}
		seen[next] = true
		if migrates[next] {
			found = append(found, next)
		}
		queue = append(slices.Clone(queue), dependsOn(next)...)
	}
	slices.Sort(found)
	switch len(found) {
	case 0:
		return ""
	case 1:
		return found[0] + " migrates"
	}
	return List(found) + " migrate"
}
