package render

import (
	"cmp"
	"fmt"

	"stampworks.dev/pkg/blueprint"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/placement"
	"stampworks.dev/services/provisioner/internal/record"
)

// Ask is what a stamp of that plan needs of its cell; region and pin are empty.
func Ask(r *blueprint.Recipe, plan string) (placement.Ask, error) {
	footprint, err := r.Footprint(plan)
	if err != nil {
		return placement.Ask{}, failure.New(typev1.Failure_RENDER_FAILED, "", fmt.Sprintf("The plan %q cannot be sized: %v", plan, err))
	}
	msg := r.Message()
	return placement.Ask{Plan: plan, Footprint: footprint, Drivers: Drivers(msg), Programs: Programs(msg)}, nil
}

// AskFor is what a tenant's stamp needs of its cell, overrides included.
func AskFor(t *registryv1.Tenant, r *blueprint.Recipe) (placement.Ask, error) {
	over, err := overridden(t, r)
	if err != nil {
		return placement.Ask{}, err
	}
	a, err := Ask(over, Plan(t, r))
	a.Region, a.Pin = t.GetRegion(), record.CellID(cmp.Or(t.GetRecovery().GetCell(), t.GetCell()))
	return a, err
}

// Plan is the tenant's plan, or the recipe's default.
func Plan(t *registryv1.Tenant, r *blueprint.Recipe) string {
	if t.GetPlan() != "" {
		return t.GetPlan()
	}
	return r.DefaultPlan()
}
