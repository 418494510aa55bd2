package blueprints

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// MaxSource is the longest recipe, in bytes.
const MaxSource = 64 << 10

// Publication is a recipe to publish.
type Publication struct {
	// Parent is the blueprint that it must be of.
	Parent names.Blueprint
	// ID is the revision that it must be; empty is whichever it says.
	ID string
	// Source is the recipe as written.
	Source string
	// DryRun does everything but write.
	DryRun bool
}

// Publish checks a recipe and keeps it. The same content again is the revision
// that is there; ErrImmutable when it is there with other content. Each mistake
// in the recipe is a violation of "revision.source" with its line and column.
func (c *Catalog) Publish(ctx context.Context, p Publication) (*registryv1.Revision, error) {
	recipe, err := parse(p)
	if err != nil {
		return nil, err
	}
	name := p.Parent.Revision(recipe.Revision())
	if _, err := names.ParseRevision("revision_id", name.String()); err != nil {
		return nil, err
	}
	there, err := c.revisions.Get(ctx, key(name))
	if err == nil {
		return same(there.Value, recipe)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	revision := &registryv1.Revision{
		Name: name.String(), Uid: uuid.NewString(), Source: p.Source, Recipe: recipe.Message(), Digest: recipe.Digest(),
		CreateTime: timestamppb.New(time.Now()),
	}
	if who, ok := identity.PrincipalFrom(ctx); ok {
		revision.Publisher = who.Name
	}
	if p.DryRun {
		return revision, nil
	}
	made, err := c.revisions.Create(ctx, key(name), revision)
	if errors.Is(err, store.ErrExists) { // somebody was faster, with the same perhaps
		if there, err = c.revisions.Get(ctx, key(name)); err == nil {
			return same(there.Value, recipe)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("publish %q: %w", name, err)
	}
	return made.Value, nil
}

func same(there *registryv1.Revision, recipe *blueprint.Recipe) (*registryv1.Revision, error) {
	if there.GetDigest() != recipe.Digest() {
		return nil, ErrImmutable.Naming("revision", there.GetName()).With("digest", there.GetDigest())
	}
	return there, nil
}

func parse(p Publication) (*blueprint.Recipe, error) {
	if len(p.Source) > MaxSource {
		return nil, errs.Invalid("RECIPE_TOO_LARGE", errs.Violation{Field: "revision.source", Description: fmt.Sprintf("has %d bytes, the limit is %d", len(p.Source), MaxSource)})
	}
	recipe, err := blueprint.Parse(p.Parent.ID+".yaml", []byte(p.Source))
	var problems blueprint.Problems
	if errors.As(err, &problems) {
		return nil, errs.Invalid("RECIPE_INVALID", violations(problems)...)
	}
	if err != nil {
		return nil, err
	}
	if recipe.Name() != p.Parent.ID {
		return nil, errs.Invalid("RECIPE_MISPLACED", errs.Violation{Field: "parent", Description: fmt.Sprintf("must be %q, the blueprint that the source says", "blueprints/"+recipe.Name())})
	}
	if p.ID != "" && p.ID != recipe.Revision() {
		return nil, errs.Invalid("RECIPE_MISPLACED", errs.Violation{Field: "revision_id", Description: fmt.Sprintf("must be %q, the revision that the source says", recipe.Revision())})
	}
	return recipe, nil
}

func violations(problems blueprint.Problems) []errs.Violation {
	list := make([]errs.Violation, len(problems))
	for i, p := range problems {
		text := p.Message
		if p.Path != "" {
			text = p.Path + ": " + text
		}
		if p.Expected != "" {
			text += " (expected " + p.Expected + ")"
		}
		list[i] = errs.Violation{Field: "revision.source", Description: fmt.Sprintf("%d:%d %s", p.Line, p.Column, text)}
	}
	return list
}
