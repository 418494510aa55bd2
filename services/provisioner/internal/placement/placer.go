package placement

import (
	"context"
	"fmt"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/trace"
)

// Tenant is one tenant as the placer sees it.
type Tenant struct {
	ID, UID string
	Wish    *registryv1.Tenant
	// Operation is the id of the one that it is about.
	Operation string
	// Runs says whether its stamp is to run, and so needs a place.
	Runs bool
	// Kept says that it has a stamp in a cell, whatever is wished: it is placed
	// there to be taken over.
	Kept bool
	// Ask is what it needs, Plan and Revision what that is reserved for.
	Ask            Ask
	Plan, Revision string
}

// Source gives the tenants.
type Source interface {
	// Tenant gives one; nil when it is not there. An error is about this
	// tenant alone, and is looked at again later; when the tenant comes with it,
	// it is shown as what is in the way.
	Tenant(ctx context.Context, id string) (*Tenant, error)
	All() []string
	Observe(changed func(id string)) (stop func())
}

// Cells gives the cells with what they have; Reserved is left to the placer.
type Cells interface {
	List(ctx context.Context) ([]Cell, error)
}

// Desk keeps the operations of tenants that no cell works on.
type Desk interface {
	// Block shows what is in the way; it is called again whenever the tenant
	// was not placed.
	Block(ctx context.Context, t *Tenant, o *typev1.Obstacle, guard store.Cond) error
	// Finish ends the operation of a tenant for which there is nothing to do.
	Finish(ctx context.Context, t *Tenant, guard store.Cond) error
	// Cancelled ends and reports the operation if a person cancelled it.
	Cancelled(ctx context.Context, t *Tenant, guard store.Cond) (bool, error)
}

// Placer binds tenants to cells. One replica's runs at a time.
type Placer struct {
	Placements *store.Collection[*pb.Placement]
	Reports    *store.Cache[*pb.CellReport]
	Operations *store.Cache[*pb.OperationRecord]
	Source     Source
	Cells      Cells
	Desk       Desk
	Tracer     *trace.Tracer
	Log        *slog.Logger
}

// Run places tenants until ctx ends: with the claim.
func (p *Placer) Run(ctx context.Context, held claim.Claim) error {
	r := &round{
		Placer: p, guard: held.Guard(), bound: map[string]*pb.Placement{}, held: map[string]map[string]int64{}, wake: make(chan struct{}, 1),
		dirty: map[string]bool{}, freed: map[string]bool{}, waiting: map[string]bool{},
	}
	all, rev, err := p.Placements.List(ctx, store.ListOptions{})
	if err != nil {
		return fmt.Errorf("load placements: %w", err)
	}
	for _, v := range all {
		r.hold(p.Placements.ID(v.Key), v.Value)
		r.dirty[p.Placements.ID(v.Key)] = true
	}
	defer p.Source.Observe(r.touch)()
	for _, id := range p.Source.All() {
		r.touch(id)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.watchDeletions(ctx, rev) })
	g.Go(func() error { return r.watchCells(ctx) })
	g.Go(func() error { return r.watchOperations(ctx) })
	g.Go(func() error { return r.work(ctx) })
	return g.Wait()
}
