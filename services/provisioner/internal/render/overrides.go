package render

import (
	"fmt"

	"stampworks.dev/pkg/blueprint"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// overridden is the recipe with the tenant's overrides laid over its plan. The
// registry takes away those that are over.
func overridden(t *registryv1.Tenant, r *blueprint.Recipe) (*blueprint.Recipe, error) {
	o := t.GetOverrides()
	over, wrong := r.Override(Plan(t, r), blueprint.Overrides{Values: o.GetValues(), Resources: o.GetResources()})
	if len(wrong) > 0 {
		return nil, failed(fmt.Sprintf("The tenant's overrides do not fit the revision: %s %s.", wrong[0].Field, wrong[0].Description))
	}
	return over, nil
}
