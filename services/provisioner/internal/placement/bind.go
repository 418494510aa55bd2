package placement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/trace"
)

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
	case !t.Runs && !t.Kept:
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
	r.hold(t.ID, p)
	return nil
}

// hold notes a tenant's placement, nil for none any more.
func (r *round) hold(id string, p *pb.Placement) {
	old := r.bound[id]
	shift(r.reserved(old.GetCell()), old.GetReserved(), -1)
	shift(r.reserved(p.GetCell()), p.GetReserved(), 1)
	if p == nil {
		delete(r.bound, id)
		return
	}
	r.bound[id] = p
}

// reserved gives what is reserved of a cell; it is changed in place.
func (r *round) reserved(cell string) map[string]int64 {
	if r.held[cell] == nil {
		r.held[cell] = map[string]int64{}
	}
	return r.held[cell]
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
	for i := range cells {
		cells[i].Reserved = r.reserved(cells[i].Name)
	}
	r.cells = cells
	return r.cells, nil
}
