package tenant

import (
	"cmp"
	"context"

	"google.golang.org/protobuf/types/known/structpb"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/blueprint/preview"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// foreseen adds to a change that was only tried what it would do, as far as the
// wishes tell. before is the zero View for a new tenant.
func (t *Tenants) foreseen(ctx context.Context, before View, c Change) (Change, error) {
	if !c.DryRun {
		return c, nil
	}
	after, err := t.side(ctx, c.Tenant, c.Tenant.GetBlueprint())
	if err != nil {
		return Change{}, err
	}
	var was *preview.Side
	if before.lived() {
		if was, err = t.running(ctx, before); err != nil {
			return Change{}, err
		}
	}
	if c.Preview, err = preview.Between(was, after); err != nil { // it would be taken all the same
		o := &typev1.Obstacle{Code: typev1.Failure_RENDER_FAILED.String(), Message: reasonOf(err), NextAction: "Correct the tenant's inputs or plan."}
		c.Preview = &typev1.Preview{Obstacles: []*typev1.Obstacle{o}}
		c.Preview.Summary = preview.Summary(nil, c.Preview.GetObstacles())
	}
	return c, nil
}

// revision is the one that runs, or that is wished for when none does.
func (v View) revision() string { return cmp.Or(v.Status().GetRevision(), v.Spec().GetBlueprint()) }

// running is the side that is there now: the revision that runs. Its wish may be
// of a newer one, so only the inputs that it knows are taken.
func (t *Tenants) running(ctx context.Context, v View) (*preview.Side, error) {
	s, err := t.side(ctx, v.Spec(), v.revision())
	if err != nil {
		return nil, err
	}
	asks := s.Recipe.Message().GetInputs()
	known := map[string]*structpb.Value{}
	for name, value := range s.Inputs {
		if asks[name] != nil {
			known[name] = value
		}
	}
	s.Inputs = known
	return s, nil
}

// side is a tenant under a revision, by its full name.
func (t *Tenants) side(ctx context.Context, spec *registryv1.Tenant, revision string) (*preview.Side, error) {
	name, err := names.ParseRevision("tenant.blueprint", revision)
	if err != nil {
		return nil, err
	}
	_, recipe, err := t.catalog.Resolve(ctx, "tenant.blueprint", name)
	if err != nil {
		return nil, err
	}
	return sideOf(spec, recipe), nil
}

func sideOf(spec *registryv1.Tenant, recipe *blueprint.Recipe) *preview.Side {
	return &preview.Side{
		Recipe: recipe, Inputs: spec.GetInputs(), Stopped: spec.GetSuspended() || spec.GetDeleteTime() != nil,
		Tenant: blueprint.Tenant{
			ID: View{spec: record{Value: spec}}.Name().ID, UID: spec.GetUid(), DisplayName: spec.GetDisplayName(),
			Plan: spec.GetPlan(), Region: spec.GetRegion(),
		},
	}
}
