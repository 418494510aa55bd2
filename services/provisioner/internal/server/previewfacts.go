package server

import (
	"context"
	"errors"
	"fmt"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/placement"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/render"
)

// placement is the tenant's; nil when it has none.
func (s *Server) placement(ctx context.Context, t *registryv1.Tenant) (*pb.Placement, error) {
	v, err := s.Placements.Get(ctx, record.TenantID(t.GetName()))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case v.Value.GetTenantUid() != t.GetUid() || v.Value.GetCell() == "":
		return nil, nil
	}
	return v.Value, nil
}

// fill adds to the question what there is in the tenant's cell, or gives the
// replica that can. Where none can, that is an obstacle.
func (s *Server) fill(ctx context.Context, q *engine.Question, place *pb.Placement) (pb.StampServiceClient, []*typev1.Obstacle, error) {
	v, err := s.Stamps.Get(ctx, record.StampID(place.GetCell(), place.GetTenant()))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, nil, err
	}
	if v.Value.GetTenantUid() == place.GetTenantUid() {
		q.Stamp = v.Value
	}
	d, peer, err := s.here(ctx, &pb.Stamp{Cell: record.CellName(place.GetCell())})
	if errs.Is(err, errs.Unavailable) {
		return nil, []*typev1.Obstacle{unreachable(place.GetCell(), "no provisioner reaches it")}, nil
	}
	if err != nil || d == nil {
		return peer, nil, err
	}
	obs, err := d.Observe(ctx, driver.Ref{Tenant: place.GetTenant(), UID: place.GetTenantUid()})
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if err != nil {
		return nil, []*typev1.Obstacle{unreachable(place.GetCell(), err.Error())}, nil
	}
	q.Observed = &obs
	return nil, nil, nil
}

func unreachable(cell, why string) *typev1.Obstacle {
	code := typev1.Failure_CELL_UNREACHABLE
	return &typev1.Obstacle{
		Code: code.String(), Message: fmt.Sprintf("The cell %s cannot be reached: %s.", cell, why), NextAction: failure.NextAction(code),
	}
}

// ended finds out whether the present generation's operation is over. One that
// did not succeed is not tried again by itself.
func (s *Server) ended(ctx context.Context, q *engine.Question) ([]*typev1.Obstacle, error) {
	tenant, generation := record.TenantID(q.Tenant.GetName()), q.Tenant.GetGeneration()
	op, _, err := s.Store.ReadOperation(ctx, tenant, generation)
	if err != nil || op == nil {
		return nil, err
	}
	if !record.Over(op.GetMetadata()) {
		q.Operation = op
		return nil, nil
	}
	q.Open = false
	m := op.GetMetadata()
	if m.GetState() == typev1.OperationMetadata_SUCCEEDED {
		return nil, nil
	}
	q.Open = true // a retry has one
	return []*typev1.Obstacle{{
		Code:       m.GetFailure().GetCode().String(),
		Message:    fmt.Sprintf("%s ended as %s and is not tried again by itself: %s", op.GetName(), m.GetState(), m.GetFailure().GetMessage()),
		NextAction: m.GetFailure().GetNextAction(), Since: m.GetEndTime(),
	}}, nil
}

// room says what the placer would say: nil when there is room, or none is
// needed.
func (s *Server) room(ctx context.Context, t *registryv1.Tenant, place *pb.Placement) (*typev1.Obstacle, error) {
	recipe, err := s.Recipes.Get(ctx, t.GetBlueprint())
	if err != nil {
		return nil, err
	}
	ask, err := render.AskFor(t, recipe)
	if err != nil {
		return nil, err
	}
	if place != nil && place.GetRevision() == t.GetBlueprint() && place.GetPlan() == ask.Plan {
		return nil, nil
	}
	cells, err := s.cells(ctx)
	if err != nil {
		return nil, err
	}
	if place == nil {
		_, o := placement.Place(ask, cells)
		return o, nil
	}
	for _, c := range cells {
		if c.Name == place.GetCell() {
			return placement.Grow(ask, c, place.GetReserved()), nil
		}
	}
	return nil, nil
}
