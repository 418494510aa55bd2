package task

import (
	"context"
	"maps"
	"slices"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
)

// entry is one task by its name.
type entry struct {
	name string
	*typev1.Task
}

// list shows the tasks of the revision that a customer's copy runs.
func list(ctx context.Context, o *options, tenant string) error {
	stamp := &provisionerv1.Stamp{}
	if err := o.client.Get(ctx, "/v1/"+tenant+"/stamp", nil, stamp); err != nil {
		return err
	}
	if stamp.GetRevision() == "" {
		return &exit.Error{Code: exit.Failure, Message: names.Short(tenant) + " does not run yet, so there is nothing to run a task in", Next: "see it with: stamp show " + names.Short(tenant)}
	}
	revision := &registryv1.Revision{}
	if err := o.client.Get(ctx, "/v1/"+stamp.GetRevision(), nil, revision); err != nil {
		return err
	}
	tasks := revision.GetRecipe().GetTasks()
	var all []entry
	for _, name := range slices.Sorted(maps.Keys(tasks)) {
		all = append(all, entry{name, tasks[name]})
	}
	if len(all) == 0 {
		o.Say("%s has no tasks", names.Short(stamp.GetRevision()))
	}
	return printer.List(o.printer, view, &typev1.Blueprint{Tasks: tasks}, all)
}

var view = printer.View[entry]{
	Name: func(e entry) string { return e.name },
	Columns: []printer.Column[entry]{
		{Head: "TASK", Cell: func(e entry) string { return e.name }},
		{Head: "COMPONENT", Cell: func(e entry) string { return e.GetComponent() }},
		{Head: "ROLE", Cell: func(e entry) string {
			if e.GetRole() == "" {
				return "operator"
			}
			return e.GetRole()
		}},
		{Head: "TALKS", Cell: func(e entry) string {
			if e.GetInteractive() {
				return "yes"
			}
			return "no"
		}},
		{Head: "COMMAND", Cell: func(e entry) string { return e.GetExec() }},
	},
}
