package tenant

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/blueprint/preview"
	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/tenant-registry/internal/listing"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// Impact says what an upgrade to a revision would do to each tenant of its
// blueprint that is not deleted, a page of them. Nothing is changed.
func (t *Tenants) Impact(ctx context.Context, to names.Revision, q listing.Query) (listing.Page[*registryv1.TenantImpact], error) {
	none := listing.Page[*registryv1.TenantImpact]{}
	revision, err := t.catalog.Get(ctx, to)
	if err != nil {
		return none, err
	}
	recipe, err := t.catalog.Recipe(revision)
	if err != nil {
		return none, err
	}
	items, _, err := t.cache.List(ctx)
	if err != nil {
		return none, fmt.Errorf("list tenants: %w", err)
	}
	concerned := slices.DeleteFunc(t.views(items), func(v View) bool {
		return v.Spec().GetDeleteTime() != nil || productOf(v.Spec().GetBlueprint()) != to.Parent().String()
	})
	q.Scope = to.String()
	page, err := schema.Page(concerned, q)
	if err != nil {
		return none, err
	}
	out := listing.Page[*registryv1.TenantImpact]{Next: page.Next, Total: page.Total}
	for _, v := range page.Items {
		one, err := t.impactOn(ctx, v, recipe)
		if err != nil {
			return none, err
		}
		out.Items = append(out.Items, one)
	}
	return out, nil
}

// impactOn compares one tenant's present revision with the recipe.
func (t *Tenants) impactOn(ctx context.Context, v View, recipe *blueprint.Recipe) (*registryv1.TenantImpact, error) {
	out := &registryv1.TenantImpact{
		Tenant: v.Spec().GetName(), DisplayName: v.Spec().GetDisplayName(), FromRevision: v.revision(),
	}
	before, err := t.running(ctx, v)
	if err != nil {
		return nil, err
	}
	after := sideOf(v.Spec(), recipe)
	before.Stopped, after.Stopped = false, false // of a suspended one: once it is resumed
	var p *typev1.Preview
	if v.Status().GetRevision() != "" {
		err = recipe.CheckUpgrade(path.Base(v.Status().GetRevision()))
	}
	if err == nil {
		p, err = preview.Between(before, after)
	}
	if err != nil {
		out.Impact, out.Reason = registryv1.TenantImpact_BLOCKED, reasonOf(err)
		return out, nil
	}
	out.Impact = registryv1.TenantImpact_UNCHANGED
	if !v.lived() {
		out.Reason = "nothing of it runs yet"
		return out, nil
	}
	for _, c := range p.GetComponents() {
		if c.GetAction() == typev1.ComponentPreview_NOTHING {
			continue
		}
		c.Fields = nil
		out.Components = append(out.Components, c)
		if out.GetImpact() == registryv1.TenantImpact_UNCHANGED {
			out.Impact = registryv1.TenantImpact_RESTART
		}
		if slices.Contains(c.GetJobs(), "migrate") {
			out.Impact = registryv1.TenantImpact_MIGRATE
		}
	}
	return out, nil
}

// reasonOf puts what is in the way into one sentence: the violations, where
// there are some, for they name the inputs.
func reasonOf(err error) string {
	e, ok := errs.As(err)
	if !ok {
		return err.Error()
	}
	var parts []string
	for _, v := range e.Violations {
		parts = append(parts, v.Field+" "+v.Description)
	}
	if len(parts) == 0 {
		return e.Message
	}
	return strings.Join(parts, "; ")
}
