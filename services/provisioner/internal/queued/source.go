// Package queued is the placer's view of tenants, and keeps the operations of
// those that no cell works on: what waits for room, and what ends before
// anything was made.
package queued

import (
	"context"
	"errors"
	"fmt"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/internal/desired"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/placement"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/render"
)

// Source gives the placer what is wished. It implements [placement.Source].
type Source struct {
	View    *desired.View
	Store   *record.Store
	Recipes engine.Recipes
}

// All lists the ids of all tenants.
func (s Source) All() []string { return s.View.All() }

// Observe tells of every change.
func (s Source) Observe(changed func(id string)) (stop func()) { return s.View.Observe(changed) }

// Tenant gives one with what it needs.
func (s Source) Tenant(ctx context.Context, id string) (*placement.Tenant, error) {
	wish, operation, err := s.wish(ctx, id)
	if wish == nil || err != nil {
		return nil, err
	}
	t := &placement.Tenant{
		ID: id, UID: wish.GetUid(), Wish: wish, Operation: operation, Revision: wish.GetBlueprint(),
		Runs: engine.LifecycleOf(wish) == pb.Stamp_RUNNING,
	}
	t.Kept = wish.GetRecovery() != nil
	if !t.Runs && !t.Kept {
		return t, nil
	}
	recipe, err := s.Recipes.Get(ctx, wish.GetBlueprint())
	if errs.Is(err, errs.Unavailable) || errs.Is(err, errs.DeadlineExceeded) {
		return nil, err // the registry is away: nothing is wrong with the tenant
	}
	if err != nil {
		return t, err
	}
	t.Plan = render.Plan(wish, recipe)
	t.Ask, err = render.AskFor(wish, recipe)
	return t, err
}

// wish gives what is wished under an id, and the operation that it is about: a
// tenant's, or that of a throw-away stamp while its operation is open. Nil when
// there is nothing.
func (s Source) wish(ctx context.Context, id string) (*registryv1.Tenant, string, error) {
	operation, trial := record.TrialOperation(id)
	if !trial {
		wish, _ := s.View.Get(id)
		return wish, record.OperationID(id, wish.GetGeneration()), nil
	}
	v, err := s.Store.Operations.Get(ctx, operation)
	if errors.Is(err, store.ErrNotFound) || err == nil && record.Over(v.Value.GetMetadata()) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("read operation %q: %w", operation, err)
	}
	return engine.TrialWish(v.Value), operation, nil
}
