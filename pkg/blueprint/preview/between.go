package preview

import (
	"maps"
	"slices"
	"strings"

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
	causes := c.causes()
	var all []*typev1.ComponentPreview
	for _, name := range recipe.Order() {
		one := &typev1.ComponentPreview{Name: name, Jobs: c.jobs(name, causes)}
		because := causes.Because(name, recipe.DependsOn)
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

// causes are what stops components that stay the same: migrations, and, of
// what has served, the backup before them and the endpoint that is closed.
func (c change) causes() Causes {
	causes := Causes{Migrating: c.migrating(), BackedUp: map[string]bool{}}
	if c.before == nil || len(causes.Migrating) == 0 {
		return causes
	}
	for name, component := range c.before.Recipe.Message().GetComponents() {
		if component.GetBackup() != nil && c.before.Recipe.Revision() != c.after.Recipe.Revision() {
			causes.BackedUp[name] = true
		}
	}
	causes.Closed, _, _ = strings.Cut(c.after.Recipe.Message().GetEndpoint(), ".")
	return causes
}

func (c change) jobs(name string, causes Causes) []string {
	var jobs []string
	if causes.BackedUp[name] {
		jobs = append(jobs, "backup")
	}
	setUp := false
	if c.before != nil {
		setUp = c.before.Recipe.Message().GetComponents()[name].GetSetup() != nil
	}
	if c.after.Recipe.Message().GetComponents()[name].GetSetup() != nil && !setUp {
		jobs = append(jobs, "setup")
	}
	if causes.Migrating[name] {
		jobs = append(jobs, "migrate")
	}
	return jobs
}
