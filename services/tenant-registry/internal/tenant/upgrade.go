package tenant

import (
	"context"
	"maps"
	"path"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/timeline"
)

// Upgrade asks for another revision of a tenant's blueprint.
type Upgrade struct {
	Etag string
	// To is the revision's name; empty, or the blueprint alone, is the newest.
	To string
	// Why is added to the timeline's sentence.
	Why string
	// Inputs are laid over the tenant's, for what the new revision asks.
	Inputs map[string]*structpb.Value
	// Now does not wait for the maintenance window.
	Now bool
	// DryRun does everything but write.
	DryRun bool
}

// Upgrade moves a tenant to another revision. One that is wished for already
// changes nothing, unless its last try ended without success: then it is tried
// again; with Now, one that waits is let begin. ErrNotFound, ErrEtag, ErrDeleted,
// UPGRADE_REFUSED, or violations.
func (t *Tenants) Upgrade(ctx context.Context, name names.Tenant, u Upgrade) (Change, error) {
	if err := checkReason(u.Why); err != nil {
		return Change{}, err
	}
	return t.mutate(ctx, name, u.Etag, u.DryRun, func(v View, next *registryv1.Tenant) (edit, error) {
		if err := refuseDeleted(v); err != nil {
			return edit{}, err
		}
		if err := t.moveTo(ctx, v, next, u); err != nil {
			return edit{}, err
		}
		e := edit{entry: timeline.Entry{Action: timeline.Upgrading, Fields: u.fields()}}
		to := path.Base(next.GetBlueprint())
		switch moves := next.GetBlueprint() != v.Spec().GetBlueprint(); {
		case moves:
			e.kind, e.entry.Message = v.moving(), "Upgrade to "+to+" asked for"
		case v.ended():
			e.kind, e.entry.Message = v.moving(), "Another try of the upgrade to "+to+" asked for"
		case u.Now && v.waits():
			next.UrgentGeneration = v.Spec().GetGeneration()
			e.quiet, e.entry.Message, e.entry.Fields = true, "Upgrade to "+to+" need not wait for the maintenance window", nil
		default:
			return edit{nothing: true}, nil
		}
		if u.Now && !e.quiet {
			next.UrgentGeneration = v.Spec().GetGeneration() + 1
			e.entry.Message += ", now"
		}
		e.entry.Message = sentence(e.entry.Message, u.Why)
		return e, nil
	})
}

// fields are those of the tenant that it changes.
func (u Upgrade) fields() []string {
	if len(u.Inputs) > 0 {
		return []string{"blueprint", "inputs"}
	}
	return []string{"blueprint"}
}

// moveTo wishes for a revision of the tenant's own blueprint, and checks all that
// an update would.
func (t *Tenants) moveTo(ctx context.Context, v View, next *registryv1.Tenant, u Upgrade) error {
	to := u.To
	if to == "" {
		to = productOf(v.Spec().GetBlueprint())
	}
	wish, err := names.ParseWish("revision", to)
	if err != nil {
		return err
	}
	revision, _, err := t.catalog.Resolve(ctx, "revision", wish)
	if err != nil {
		return err
	}
	next.Blueprint = revision.GetName()
	moves := next.GetBlueprint() != v.Spec().GetBlueprint()
	if len(u.Inputs) > 0 && !moves && !v.ended() {
		return errs.Invalid("INPUTS_INVALID", errs.Violation{Field: "inputs", Description: "go with an upgrade, and the tenant has that revision: update the tenant's inputs instead"})
	}
	if next.Inputs == nil && len(u.Inputs) > 0 {
		next.Inputs = map[string]*structpb.Value{}
	}
	maps.Copy(next.GetInputs(), u.Inputs)
	if !moves && len(u.Inputs) == 0 {
		return nil
	}
	if product := productOf(v.Spec().GetBlueprint()); productOf(next.GetBlueprint()) != product {
		return errs.Invalid("FIELD_IMMUTABLE", errs.Violation{Field: "revision", Description: "must be a revision of " + product})
	}
	if err := t.settle(ctx, next, v.Spec()); err != nil {
		return err
	}
	return t.checkUpgrade(ctx, v, next)
}

// moving is the kind of an operation that changes the revision: a stamp that
// never ran is still made, one that is to be stopped is stopped.
func (v View) moving() typev1.OperationMetadata_Kind {
	if kind := v.kindOf(); kind != typev1.OperationMetadata_UPDATE {
		return kind
	}
	return typev1.OperationMetadata_UPGRADE
}

// ended says whether the present generation came to an end that is no success.
func (v View) ended() bool {
	phase := v.Status().GetPhase()
	return v.Status().GetObservedGeneration() == v.Spec().GetGeneration() &&
		(phase == registryv1.TenantStatus_GAVE_UP || phase == registryv1.TenantStatus_ROLLED_BACK)
}

// checkUpgrade refuses a revision that the one that runs cannot become: an
// older one, or one that does not name it in upgrade_from. A stamp that never
// ran can become any; so can one whose upgrade failed go back to what runs.
func (t *Tenants) checkUpgrade(ctx context.Context, v View, next *registryv1.Tenant) error {
	running := v.Status().GetRevision()
	if running == "" || next.GetBlueprint() == v.Spec().GetBlueprint() {
		return nil
	}
	wish, err := names.ParseRevision("tenant.blueprint", next.GetBlueprint())
	if err != nil {
		return err
	}
	_, recipe, err := t.catalog.Resolve(ctx, "tenant.blueprint", wish)
	if err != nil {
		return err
	}
	return t.withWay(ctx, wish, recipe, path.Base(running), recipe.CheckUpgrade(path.Base(running)))
}

// withWay adds to a refused upgrade the newest revision that leads there from the
// one that runs, where there is one.
func (t *Tenants) withWay(ctx context.Context, to names.Revision, recipe *blueprint.Recipe, running string, refusal error) error {
	known, yes := errs.As(refusal)
	if !yes {
		return refusal
	}
	all, err := t.catalog.Revisions(ctx, names.Blueprint{ID: to.Blueprint})
	if err != nil {
		return refusal // it stands without
	}
	for _, r := range all { // newest first
		via := path.Base(r.GetName())
		between, err := t.catalog.Recipe(r)
		if err != nil || via == running || via == to.ID || between.CheckUpgrade(running) != nil || recipe.CheckUpgrade(via) != nil {
			continue
		}
		return errs.New(known.Kind, known.Reason, "%s%s first", strings.TrimSuffix(known.Message, "one of those first"), via).With("via", r.GetName())
	}
	return refusal
}
