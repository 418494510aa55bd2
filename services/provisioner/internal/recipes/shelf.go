// Package recipes keeps compiled blueprints. A revision never changes once it
// is published, so each is fetched from the registry and compiled once.
package recipes

import (
	"context"
	"fmt"
	"sync"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

// Shelf gives recipes by the revision's full name. It is safe for concurrent use.
type Shelf struct {
	registry registryv1.BlueprintServiceClient

	mu   sync.Mutex
	have map[string]*blueprint.Recipe
}

// NewShelf makes an empty one.
func NewShelf(registry registryv1.BlueprintServiceClient) *Shelf {
	return &Shelf{registry: registry, have: map[string]*blueprint.Recipe{}}
}

// Get gives "blueprints/helpdesk/revisions/1.0.0". A registry that is away is
// Unavailable; a revision that does not compile is a failure RENDER_FAILED.
func (s *Shelf) Get(ctx context.Context, revision string) (*blueprint.Recipe, error) {
	s.mu.Lock()
	r := s.have[revision]
	s.mu.Unlock()
	if r != nil {
		return r, nil
	}
	rev, err := s.registry.GetRevision(ctx, &registryv1.GetRevisionRequest{Name: revision})
	if err != nil {
		if errs.Is(err, errs.NotFound) {
			return nil, failure.New(typev1.Failure_RENDER_FAILED, "", fmt.Sprintf("The revision %s does not exist.", revision))
		}
		return nil, fmt.Errorf("get revision %q: %w", revision, err)
	}
	r, err = blueprint.FromMessage(rev.GetRecipe())
	if err != nil {
		return nil, failure.New(typev1.Failure_RENDER_FAILED, "", fmt.Sprintf("The revision %s cannot be read: %v", revision, err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.have[revision] = r
	return r, nil
}
