package tenant

import (
	"context"
	"path"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

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
	return recipe.CheckUpgrade(path.Base(running))
}
