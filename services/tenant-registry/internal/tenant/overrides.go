package tenant

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// ReasonOverrides is the reason of overrides that do not fit.
const ReasonOverrides = "OVERRIDES_INVALID"

// checkOverrides refuses overrides that name what the revision does not have, or
// lack somebody who answers for them.
func checkOverrides(recipe *blueprint.Recipe, spec *registryv1.Tenant) error {
	o := spec.GetOverrides()
	if o == nil {
		return nil
	}
	wrong := append(checkLine("overrides.owner", o.GetOwner()), checkLine("overrides.reason", o.GetReason())...)
	if len(o.GetResources()) == 0 && len(o.GetValues()) == 0 {
		wrong = append(wrong, errs.Violation{Field: "overrides", Description: "changes nothing: set resources or values, or leave it out"})
	}
	_, unfit := recipe.Override(spec.GetPlan(), blueprint.Overrides{Values: o.GetValues(), Resources: o.GetResources()})
	return misfits(append(wrong, unfit...))
}

// misfits refuses what is wrong with overrides; nil when nothing is.
func misfits(wrong []errs.Violation) error {
	if len(wrong) == 0 {
		return nil
	}
	for i := range wrong {
		wrong[i].Field = "tenant." + wrong[i].Field
	}
	return errs.Invalid(ReasonOverrides, wrong...)
}

// checkNewOverrides refuses overrides that would end before they begin, and those
// that leave less than the plan reserves. Those that are there and over wait for the
// sweep: they stand in no other change's way.
func (t *Tenants) checkNewOverrides(ctx context.Context, was, spec *registryv1.Tenant) error {
	next := spec.GetOverrides()
	if next == nil || proto.Equal(was.GetOverrides(), next) {
		return nil
	}
	if why := checkExpiry(next.GetExpireTime(), time.Now()); why != "" {
		return errs.Invalid(ReasonOverrides, errs.Violation{Field: "tenant.overrides.expire_time", Description: why})
	}
	side, err := t.side(ctx, spec, spec.GetBlueprint())
	if err != nil {
		return err
	}
	return misfits(side.Recipe.TooLittle(spec.GetPlan(), blueprint.Overrides{Values: next.GetValues(), Resources: next.GetResources()}))
}

// checkWindow refuses a maintenance window that never opens. How long it stays
// open is a rule of the proto.
func checkWindow(w *registryv1.MaintenanceWindow) []errs.Violation {
	if w == nil {
		return nil
	}
	if err := blueprint.CheckSchedule(w.GetSchedule()); err != nil {
		return []errs.Violation{{Field: "tenant.maintenance_window.schedule", Description: err.Error() + ": want " + blueprint.ScheduleForm}}
	}
	return nil
}
