package blueprints

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/semver"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// What the catalogue tells apart.
var (
	ErrNoBlueprint = errs.New(errs.NotFound, "BLUEPRINT_NOT_FOUND", "blueprint does not exist")
	ErrNoRevision  = errs.New(errs.NotFound, "REVISION_NOT_FOUND", "revision does not exist")
	ErrImmutable   = errs.New(errs.AlreadyExists, "REVISION_IMMUTABLE", "revision is published with other content: publish a new one")
)

// Catalog keeps the revisions of all blueprints. Run keeps it fresh.
type Catalog struct {
	revisions *store.Collection[*registryv1.Revision]
	cache     *store.Cache[*registryv1.Revision]
	compiled  sync.Map // uid → *blueprint.Recipe
}

// New gives the catalogue under a prefix that ends with "/".
func New(b store.Backend, prefix string) *Catalog {
	revisions := store.NewCollection(b, prefix+"blueprints/", func() *registryv1.Revision { return &registryv1.Revision{} }).
		WithMaxBytes(store.LargeMaxBytes)
	return &Catalog{revisions: revisions, cache: store.NewCache(revisions)}
}

// Run keeps the catalogue's cache until ctx ends.
func (c *Catalog) Run(ctx context.Context) error { return c.cache.Run(ctx) }

// Get reads one revision; read it, do not change it. ErrNoRevision.
func (c *Catalog) Get(ctx context.Context, name names.Revision) (*registryv1.Revision, error) {
	item, err := c.cache.Get(ctx, key(name))
	if errs.Is(err, errs.NotFound) {
		return nil, ErrNoRevision.Naming("revision", name.String())
	}
	if err != nil {
		return nil, err
	}
	return item.Value, nil
}

// Revisions gives those of a blueprint, newest version first. ErrNoBlueprint
// when it has none.
func (c *Catalog) Revisions(ctx context.Context, name names.Blueprint) ([]*registryv1.Revision, error) {
	items, _, err := c.cache.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list revisions of %q: %w", name.ID, err)
	}
	var list []*registryv1.Revision
	for _, item := range items {
		if strings.HasPrefix(c.revisions.ID(item.Key), name.ID+"/") {
			list = append(list, item.Value)
		}
	}
	if len(list) == 0 {
		return nil, ErrNoBlueprint.Naming("blueprint", name.String())
	}
	slices.SortFunc(list, newestFirst)
	return list, nil
}

// Blueprints gives a summary of each, by name.
func (c *Catalog) Blueprints(ctx context.Context) ([]*registryv1.Blueprint, error) {
	items, _, err := c.cache.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list blueprints: %w", err)
	}
	byID := map[string][]*registryv1.Revision{}
	var order []string
	for _, item := range items {
		id, _, _ := strings.Cut(c.revisions.ID(item.Key), "/")
		if byID[id] == nil {
			order = append(order, id)
		}
		byID[id] = append(byID[id], item.Value)
	}
	slices.Sort(order)
	list := make([]*registryv1.Blueprint, len(order))
	for i, id := range order {
		list[i] = Summary(byID[id])
	}
	return list, nil
}

// Summary is a blueprint as told by its revisions, of which there is at least
// one.
func Summary(revisions []*registryv1.Revision) *registryv1.Blueprint {
	list := slices.SortedFunc(slices.Values(revisions), newestFirst)
	newest, first := latest(list), list[0]
	for _, r := range list {
		if r.GetCreateTime().AsTime().Before(first.GetCreateTime().AsTime()) {
			first = r
		}
	}
	name, _, _ := strings.Cut(newest.GetName(), "/revisions/")
	return &registryv1.Blueprint{
		Name: name, LatestRevision: newest.GetName(), RevisionCount: int32(len(list)),
		CreateTime: first.GetCreateTime(), Description: newest.GetRecipe().GetDescription(),
	}
}

// Recipe gives a revision compiled, from memory after the first time.
func (c *Catalog) Recipe(r *registryv1.Revision) (*blueprint.Recipe, error) {
	if recipe, ok := c.compiled.Load(r.GetUid()); ok {
		return recipe.(*blueprint.Recipe), nil
	}
	recipe, err := blueprint.FromMessage(r.GetRecipe())
	if err != nil {
		return nil, fmt.Errorf("compile %q: %w", r.GetName(), err)
	}
	c.compiled.Store(r.GetUid(), recipe)
	return recipe, nil
}

// Resolve finds the revision that a tenant asks for: that one, or the newest of
// a blueprint, a pre-release only when there is nothing else. What is not there is a violation of the field.
func (c *Catalog) Resolve(ctx context.Context, field string, wish names.Revision) (*registryv1.Revision, *blueprint.Recipe, error) {
	revision, err := c.find(ctx, wish)
	if e, ok := errs.As(err); ok && e.Kind == errs.NotFound {
		return nil, nil, errs.Invalid(e.Reason, errs.Violation{Field: field, Description: e.Message})
	}
	if err != nil {
		return nil, nil, err
	}
	recipe, err := c.Recipe(revision)
	return revision, recipe, err
}

func (c *Catalog) find(ctx context.Context, wish names.Revision) (*registryv1.Revision, error) {
	if wish.ID != "" {
		revision, err := c.Get(ctx, wish)
		if errs.Is(err, errs.NotFound) {
			return nil, errs.New(errs.NotFound, ErrNoRevision.Reason, "%q does not exist", wish.String())
		}
		return revision, err
	}
	list, err := c.Revisions(ctx, wish.Parent())
	if errs.Is(err, errs.NotFound) {
		return nil, errs.New(errs.NotFound, ErrNoBlueprint.Reason, "%q does not exist", wish.Parent().String())
	}
	if err != nil {
		return nil, err
	}
	return latest(list), nil
}

// latest is the newest version that is no pre-release, where there is one, of a
// list with the newest first.
func latest(list []*registryv1.Revision) *registryv1.Revision {
	for _, r := range list {
		if semver.Prerelease("v"+r.GetRecipe().GetRevision()) == "" {
			return r
		}
	}
	return list[0]
}

func newestFirst(a, b *registryv1.Revision) int {
	return semver.Compare("v"+b.GetRecipe().GetRevision(), "v"+a.GetRecipe().GetRevision())
}

func key(name names.Revision) string { return name.Blueprint + "/" + name.ID }
