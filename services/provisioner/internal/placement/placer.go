package placement

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/trace"
)

// Tenant is one tenant as the placer sees it.
type Tenant struct {
	ID, UID string
	Wish    *registryv1.Tenant
	// Runs says whether its stamp is to run, and so needs a place.
	Runs bool
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

// lookAgain is how often tenants without a place are looked at again, whatever
// happens: cordons are the registry's, and come without an event.
const lookAgain = 2 * time.Second

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

// round is the placer while it holds the claim.
type round struct {
	*Placer
	guard store.Cond
	bound map[string]*pb.Placement // all of them, by tenant
	cells []Cell                   // as of this batch; nil: to be listed

	wake    chan struct{}
	mu      sync.Mutex
	dirty   map[string]bool
	freed   map[string]bool // placements that were deleted
	waiting map[string]bool // tenants that no cell could take
}

// Run places tenants until ctx ends: with the claim.
func (p *Placer) Run(ctx context.Context, held claim.Claim) error {
	r := &round{
		Placer: p, guard: held.Guard(), bound: map[string]*pb.Placement{}, wake: make(chan struct{}, 1),
		dirty: map[string]bool{}, freed: map[string]bool{}, waiting: map[string]bool{},
	}
	all, rev, err := p.Placements.List(ctx, store.ListOptions{})
	if err != nil {
		return fmt.Errorf("load placements: %w", err)
	}
	for _, v := range all {
		r.bound[p.Placements.ID(v.Key)] = v.Value
		r.dirty[p.Placements.ID(v.Key)] = true
	}
	defer p.Source.Observe(r.touch)()
	for _, id := range p.Source.All() {
		r.touch(id)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.watchDeletions(ctx, rev) })
	g.Go(func() error { return r.watchCells(ctx) })
	g.Go(func() error { return r.watchCancels(ctx) })
	g.Go(func() error { return r.work(ctx) })
	return g.Wait()
}

// touch has a tenant looked at.
func (r *round) touch(id string) {
	r.mu.Lock()
	r.dirty[id] = true
	r.mu.Unlock()
	r.poke()
}

// reconsider has everybody looked at who waits for room.
func (r *round) reconsider() {
	r.mu.Lock()
	for id := range r.waiting {
		r.dirty[id] = true
	}
	r.mu.Unlock()
	r.poke()
}

func (r *round) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *round) watchDeletions(ctx context.Context, after int64) error {
	events, why := r.Placements.Watch(ctx, after)
	for ev := range events {
		if ev.Type == store.Delete {
			r.mu.Lock()
			r.freed[ev.ID] = true
			r.mu.Unlock()
			r.reconsider()
		}
	}
	return fmt.Errorf("watch placements: %w", why())
}

func (r *round) watchCells(ctx context.Context) error {
	for {
		events, why := r.Reports.Subscribe(ctx, 0)
		for range events {
			r.reconsider()
		}
		if err := why(); !errors.Is(err, store.ErrCompacted) {
			return fmt.Errorf("watch cells: %w", err)
		}
	}
}

func (r *round) watchCancels(ctx context.Context) error {
	for {
		events, why := r.Operations.Subscribe(ctx, 0)
		for ev := range events {
			if ev.Type == store.Put && ev.Item.Value.GetCancelRequested() && ev.Item.Value.GetMetadata().GetEndTime() == nil {
				r.touch(ev.Item.Value.GetMetadata().GetTenant()[len("tenants/"):])
			}
		}
		if err := why(); !errors.Is(err, store.ErrCompacted) {
			return fmt.Errorf("watch operations: %w", err)
		}
	}
}

func (r *round) work(ctx context.Context) error {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		select {
		case <-r.wake:
		case <-tick.C:
			r.reconsider()
		case <-ctx.Done():
			return ctx.Err()
		}
		r.cells = nil
		for _, id := range r.due() {
			if err := r.visit(ctx, id); err != nil {
				if ctx.Err() != nil || errors.Is(err, store.ErrGuard) {
					return err
				}
				r.Log.WarnContext(ctx, "place tenant later", "tenant", id, "error", err)
				r.wait(id, true)
			}
		}
	}
}

// due takes what is to be looked at, in a fair order: by name.
func (r *round) due() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.freed {
		delete(r.bound, id)
	}
	clear(r.freed)
	ids := sorted(r.dirty)
	clear(r.dirty)
	return ids
}

func (r *round) wait(id string, waits bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if waits {
		r.waiting[id] = true
	} else {
		delete(r.waiting, id)
	}
}

// visit places one tenant, or says why not.
func (r *round) visit(ctx context.Context, id string) error {
	t, err := r.Source.Tenant(ctx, id)
	if err != nil && t != nil && r.bound[id].GetCell() == "" {
		r.wait(id, true)
		f := failure.Of(err, "")
		return r.Desk.Block(ctx, t, obstacle(f.GetCode().String(), f.GetMessage()), r.guard)
	}
	if err != nil {
		return err
	}
	r.wait(id, false)
	if t == nil {
		return nil // missing means nothing
	}
	have := r.bound[id]
	placed := have.GetCell() != "" && have.GetTenantUid() == t.UID
	switch {
	case placed && (!t.Runs || (have.GetRevision() == t.Revision && have.GetPlan() == t.Plan)):
		return nil
	case placed:
		return r.grow(ctx, t, have)
	case !t.Runs:
		return r.Desk.Finish(ctx, t, r.guard)
	}
	if over, err := r.Desk.Cancelled(ctx, t, r.guard); over || err != nil {
		return err
	}
	return r.bind(ctx, t)
}

func (r *round) bind(ctx context.Context, t *Tenant) error {
	began := time.Now()
	cells, err := r.list(ctx)
	if err != nil {
		return err
	}
	cell, obstacle := Place(t.Ask, cells)
	if obstacle != nil {
		r.wait(t.ID, true)
		return r.Desk.Block(ctx, t, obstacle, r.guard)
	}
	ctx, span := r.Tracer.Place(ctx, trace.Attempt{
		Tenant: t.ID, Cell: cell, Revision: t.Revision, Traceparent: t.Wish.GetTraceparent(), Asked: t.Wish.GetGenerationTime().AsTime(),
	}, began)
	defer span.End()
	return r.write(ctx, t, &pb.Placement{
		Tenant: t.ID, TenantUid: t.UID, Cell: cell, Reserved: t.Ask.Footprint,
		CreateTime: timestamppb.Now(), Revision: t.Revision, Plan: t.Plan,
	})
}

// grow reserves what a placed tenant newly asks for, in its own cell.
func (r *round) grow(ctx context.Context, t *Tenant, have *pb.Placement) error {
	cells, err := r.list(ctx)
	if err != nil {
		return err
	}
	next := &pb.Placement{
		Tenant: t.ID, TenantUid: t.UID, Cell: have.GetCell(), Reserved: t.Ask.Footprint,
		CreateTime: have.GetCreateTime(), Revision: t.Revision, Plan: t.Plan,
	}
	for _, c := range cells {
		if c.Name != have.GetCell() {
			continue
		}
		if o := Grow(t.Ask, c, have.GetReserved()); o != nil {
			r.wait(t.ID, true)
			next.Reserved, next.Revision, next.Plan, next.Obstacle = have.GetReserved(), have.GetRevision(), have.GetPlan(), o.GetMessage()
		}
	}
	return r.write(ctx, t, next)
}

func (r *round) write(ctx context.Context, t *Tenant, p *pb.Placement) error {
	_, err := r.Placements.Create(ctx, t.ID, p, r.guard)
	if errors.Is(err, store.ErrExists) {
		_, err = r.Placements.Update(ctx, t.ID, func(old *pb.Placement) error { replace(old, p); return nil }, r.guard)
	}
	if err != nil {
		return err
	}
	for i := range r.cells {
		if r.cells[i].Name == p.GetCell() {
			r.cells[i].shift(p.GetReserved(), r.bound[t.ID].GetReserved())
		}
	}
	r.bound[t.ID] = p
	return nil
}

// shift changes what is reserved of a cell.
func (c *Cell) shift(add, remove map[string]int64) {
	for name, n := range add {
		c.Reserved[name] += n
	}
	for name, n := range remove {
		c.Reserved[name] -= n
	}
}

func replace(old, with *pb.Placement) {
	old.Tenant, old.TenantUid, old.Cell, old.Reserved = with.GetTenant(), with.GetTenantUid(), with.GetCell(), with.GetReserved()
	old.CreateTime, old.Obstacle, old.Revision, old.Plan = with.GetCreateTime(), with.GetObstacle(), with.GetRevision(), with.GetPlan()
}

// list gives the cells there are, with what is reserved of them now. They are
// listed once for all tenants that are due together.
func (r *round) list(ctx context.Context) ([]Cell, error) {
	if r.cells != nil {
		return r.cells, nil
	}
	cells, err := r.Cells.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list cells: %w", err)
	}
	all := make([]*pb.Placement, 0, len(r.bound))
	for _, p := range r.bound {
		all = append(all, p)
	}
	r.cells = Reserve(cells, all)
	return r.cells, nil
}

// Reserve fills in what the placements reserve of each cell.
func Reserve(cells []Cell, placements []*pb.Placement) []Cell {
	at := map[string]int{}
	for i := range cells {
		cells[i].Reserved = map[string]int64{}
		at[cells[i].Name] = i
	}
	for _, p := range placements {
		if i, ok := at[p.GetCell()]; ok {
			cells[i].shift(p.GetReserved(), nil)
		}
	}
	return cells
}
