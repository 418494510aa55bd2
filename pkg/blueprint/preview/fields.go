package preview

import (
	"slices"
	"strings"

	"stampworks.dev/pkg/blueprint/compare"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// Fields lists what differs between two forms of a component, by path, as
// people read it: without the "component." before it, and each thing once.
func Fields(old, wished string) []*typev1.FieldChange {
	changes := compare.Changes(old, wished)
	var fields []*typev1.FieldChange
	for _, c := range changes {
		c.Path = strings.TrimPrefix(c.Path, "component.")
		if !repeated(c, changes) {
			fields = append(fields, &typev1.FieldChange{Path: c.Path, Before: c.Before, After: c.After})
		}
	}
	return fields
}

// repeated says whether a change follows from another one that is told: the
// directory of a program from its digest or version, a variable of a job from
// that of the component.
func repeated(c compare.Change, all []compare.Change) bool {
	if c.Path == "program.dir" {
		return slices.ContainsFunc(all, func(o compare.Change) bool { return o.Path == "program.digest" || o.Path == "program.version" })
	}
	_, variable, ok := strings.Cut(c.Path, ".env.")
	return ok && slices.Contains(all, compare.Change{Path: "component.env." + variable, Before: c.Before, After: c.After})
}
