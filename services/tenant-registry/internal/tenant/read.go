package tenant

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/listing"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// Get reads a tenant, deleted ones included. ErrNotFound.
func (t *Tenants) Get(ctx context.Context, name names.Tenant) (View, error) {
	spec, err := t.records.Get(ctx, name.ID+specPart)
	if errors.Is(err, store.ErrNotFound) {
		return View{}, t.missing(ctx, name)
	}
	if err != nil {
		return View{}, fmt.Errorf("get tenant %q: %w", name.ID, err)
	}
	status, err := t.records.Get(ctx, name.ID+statusPart)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return View{}, fmt.Errorf("get status of tenant %q: %w", name.ID, err)
	}
	return View{spec: spec, status: status}, nil
}

// missing is ErrNotFound, which says so when the tenant was purged.
func (t *Tenants) missing(ctx context.Context, name names.Tenant) error {
	_, err := t.tombstones.Get(ctx, name.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ErrNotFound.Naming("tenant", name.String())
	case err != nil:
		return fmt.Errorf("look for receipt of tenant %q: %w", name.ID, err)
	}
	gone := ErrNotFound.Naming("tenant", name.String())
	gone.Message = fmt.Sprintf("tenant %q was purged: see what was destroyed with stamp tenant receipt %s", name.ID, name.ID)
	return gone
}

// Known says whether there is or was a tenant of this name: a purged one has a
// timeline still.
func (t *Tenants) Known(ctx context.Context, name names.Tenant) (bool, error) {
	for _, there := range []store.Cond{store.Exists(t.records.Key(name.ID + specPart)), store.Exists(t.tombstones.Key(name.ID))} {
		res, err := t.backend.Txn(ctx, []store.Cond{there}, nil)
		if err != nil {
			return false, fmt.Errorf("look for tenant %q: %w", name.ID, err)
		}
		if res.Succeeded {
			return true, nil
		}
	}
	return false, nil
}

// List gives a page of tenants, as fresh as the store.
func (t *Tenants) List(ctx context.Context, q listing.Query, showDeleted bool) (listing.Page[View], error) {
	items, _, err := t.cache.List(ctx)
	if err != nil {
		return listing.Page[View]{}, fmt.Errorf("list tenants: %w", err)
	}
	all := t.views(items)
	if !showDeleted {
		kept := all[:0]
		for _, v := range all {
			if v.Spec().GetDeleteTime() == nil {
				kept = append(kept, v)
			}
		}
		all = kept
	}
	q.Scope = strconv.FormatBool(showDeleted)
	return schema.Page(all, q)
}

// CountByState counts tenants from memory, every state present.
func (t *Tenants) CountByState() map[registryv1.Tenant_State]int {
	count := map[registryv1.Tenant_State]int{}
	for state := range registryv1.Tenant_State_name {
		if state != 0 {
			count[registryv1.Tenant_State(state)] = 0
		}
	}
	items, _ := t.cache.Snapshot()
	for _, v := range t.views(items) {
		count[v.State()]++
	}
	return count
}

// schema is what tenants are filtered and ordered by.
var schema = listing.Schema[View]{
	ID: func(v View) string { return v.Spec().GetName() },
	Fields: map[string]listing.Field[View]{
		"name":            named(func(v View) string { return v.Spec().GetName() }),
		"display_name":    ofSpec((*registryv1.Tenant).GetDisplayName),
		"uid":             ofSpec((*registryv1.Tenant).GetUid),
		"state":           listing.Word(registryv1.Tenant_State_value, func(v View) string { return v.State().String() }),
		"plan":            ofSpec((*registryv1.Tenant).GetPlan),
		"region":          ofSpec((*registryv1.Tenant).GetRegion),
		"blueprint":       named(func(v View) string { return v.Spec().GetBlueprint() }),
		"cell":            named(func(v View) string { return v.Status().GetCell() }),
		"deal.id":         ofSpec(func(s *registryv1.Tenant) string { return s.GetDeal().GetId() }),
		"deal.source":     named(func(v View) string { return v.Spec().GetDeal().GetSource() }),
		"labels":          listing.Map(func(v View) map[string]string { return v.Spec().GetLabels() }),
		"status.url":      listing.Text(func(v View) string { return v.Status().GetUrl() }),
		"status.revision": named(func(v View) string { return v.Status().GetRevision() }),
		"create_time":     listing.Time(func(v View) time.Time { return v.Spec().GetCreateTime().AsTime() }),
		"update_time":     listing.Time(func(v View) time.Time { return v.Spec().GetUpdateTime().AsTime() }),
	},
}

func named(get func(View) string) listing.Field[View] { return listing.Name(get, shorter) }

// shorter are the words that people have for a resource name: "acme" for
// tenants/acme; of a revision its product, helpdesk or blueprints/helpdesk, and
// helpdesk@1.0.0.
func shorter(name string) []string {
	parts := strings.Split(name, "/")
	switch {
	case len(parts) == 2:
		return parts[1:]
	case len(parts) == 4 && parts[2] == "revisions":
		return []string{parts[1], parts[0] + "/" + parts[1], parts[1] + "@" + parts[3]}
	}
	return nil
}

func ofSpec(get func(*registryv1.Tenant) string) listing.Field[View] {
	return listing.Text(func(v View) string { return get(v.Spec()) })
}
