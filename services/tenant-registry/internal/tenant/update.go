package tenant

import (
	"context"
	"errors"
	"slices"
	"strings"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/tenant-registry/internal/mask"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/timeline"
)

// Mutable are the fields of a tenant that a caller may set.
var Mutable = mask.Fields{
	"display_name", "labels", "annotations", "blueprint", "plan", "region", "cell", "inputs", "deletion_protection", "deal", "contact",
	"overrides", "maintenance_window", "restore_from", "drift_policy",
}

// forPeople are the fields that the stamp does not depend on: those for people,
// and those that only say when work begins and what becomes of drift.
var forPeople = []string{"labels", "annotations", "deletion_protection", "deal", "contact", "maintenance_window", "drift_policy"}

// Revision of a wish.
type Revision struct {
	// Asked is the tenant with the changed fields; an etag in it must be current.
	Asked *registryv1.Tenant
	// Paths of the fields to change; see mask.Fields.Apply.
	Paths []string
	// DryRun does everything but write.
	DryRun bool
	// AllowMissing creates the tenant when there is none.
	AllowMissing bool
	// Now does not wait for the maintenance window.
	Now bool
}

// Update changes a wish. What comes out as it was is not written. ErrNotFound,
// ErrEtag, ErrDeleted, or violations.
func (t *Tenants) Update(ctx context.Context, name names.Tenant, r Revision) (Change, error) {
	change, err := t.mutate(ctx, name, r.Asked.GetEtag(), r.DryRun, func(v View, next *registryv1.Tenant) (edit, error) {
		if v.Spec().GetDeleteTime() != nil {
			return edit{}, ErrDeleted.Naming("tenant", name.String())
		}
		if err := Mutable.Apply(next, r.Asked, r.Paths); err != nil {
			return edit{}, err
		}
		if next.GetPlan() == "" && productOf(next.GetBlueprint()) == productOf(v.Spec().GetBlueprint()) {
			next.Plan = v.Spec().GetPlan()
		}
		if len(Mutable.Changed(v.Spec(), next)) == 0 {
			return hurry(v, next, r.Now), nil
		}
		if err := t.settle(ctx, next, v.Spec()); err != nil {
			return edit{}, err
		}
		if err := t.checkNewOverrides(ctx, v.Spec(), next); err != nil {
			return edit{}, err
		}
		if err := checkImmutable(v, next); err != nil {
			return edit{}, err
		}
		if err := t.checkUpgrade(ctx, v, next); err != nil {
			return edit{}, err
		}
		fields := Mutable.Changed(v.Spec(), next)
		quiet := !slices.ContainsFunc(fields, func(f string) bool { return !slices.Contains(forPeople, f) })
		e := edit{nothing: len(fields) == 0, quiet: quiet, entry: timeline.Entry{
			Action: timeline.Updated, Message: "Changed " + strings.Join(fields, ", "), Fields: fields,
		}}
		if slices.Contains(fields, "blueprint") {
			e.kind = v.moving()
		}
		switch {
		case r.Now && !quiet:
			next.UrgentGeneration = v.Spec().GetGeneration() + 1
			e.entry.Message += ", now"
		case r.Now && v.waits():
			next.UrgentGeneration = v.Spec().GetGeneration()
			e.entry.Message += ", and what waits for the maintenance window begins"
		}
		return e, nil
	})
	if errors.Is(err, ErrNotFound) && r.AllowMissing {
		change, err = t.Create(ctx, Creation{ID: name.ID, Wish: r.Asked, DryRun: r.DryRun})
		if errors.Is(err, ErrExists) { // made by somebody else meanwhile
			r.AllowMissing = false
			return t.Update(ctx, name, r)
		}
	}
	return change, err
}

// hurry lets what waits for the maintenance window begin, where nothing else is
// asked for.
func hurry(v View, next *registryv1.Tenant, now bool) edit {
	if !now || !v.waits() {
		return edit{nothing: true}
	}
	next.UrgentGeneration = v.Spec().GetGeneration()
	return edit{quiet: true, entry: timeline.Entry{Action: timeline.Updated, Message: "The last change need not wait for the maintenance window"}}
}

// waits says whether the present generation may wait for the maintenance window.
func (v View) waits() bool {
	return !v.Done() && !v.ended() && v.Spec().GetUrgentGeneration() != v.Spec().GetGeneration()
}

// checkImmutable refuses what a stamp cannot become: another product, or one in
// another place once it has a place; and a deal cannot become another deal.
func checkImmutable(v View, next *registryv1.Tenant) error {
	was := v.Spec()
	var wrong []errs.Violation
	refuse := func(field, why string) {
		wrong = append(wrong, errs.Violation{Field: "tenant." + field, Description: why})
	}
	if productOf(next.GetBlueprint()) != productOf(was.GetBlueprint()) {
		refuse("blueprint", "must stay a revision of "+productOf(was.GetBlueprint()))
	}
	if placed := v.Status().GetCell(); placed != "" {
		if next.GetRegion() != was.GetRegion() {
			refuse("region", "cannot change: the stamp is in "+placed)
		}
		if next.GetCell() != was.GetCell() && next.GetCell() != "" && next.GetCell() != placed {
			refuse("cell", "cannot change: the stamp is in "+placed)
		}
	}
	if was.GetDeal().GetSource() != next.GetDeal().GetSource() || was.GetDeal().GetSource() != "" && was.GetDeal().GetId() != next.GetDeal().GetId() {
		refuse("deal", "cannot become another deal")
	}
	if next.GetRestoreFrom() != was.GetRestoreFrom() && !v.unfitBackup() {
		refuse("restore_from", "cannot change: a tenant begins with a backup, or without one")
	}
	if len(wrong) > 0 {
		return errs.Invalid("FIELD_IMMUTABLE", wrong...)
	}
	return nil
}

// unfitBackup says whether the backup that it was to begin with is no use: nothing
// of it is made then, so that it may begin with another.
func (v View) unfitBackup() bool {
	return v.ended() && v.Status().GetRevision() == "" && v.Status().GetFailure().GetCode() == typev1.Failure_BACKUP_INVALID
}

// productOf is the blueprint of a blueprint or revision name.
func productOf(name string) string {
	product, _, _ := strings.Cut(name, "/revisions/")
	if product != "" && !strings.Contains(product, "/") {
		product = "blueprints/" + product
	}
	return product
}
