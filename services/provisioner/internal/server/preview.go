package server

import (
	"context"
	"regexp"

	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/blueprint/preview"
	"stampworks.dev/pkg/errs"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/record"
)

// PreviewStamp says what would be done for the present wish, or for a changed
// one, and does nothing. The replica that reaches the stamp's cell answers.
func (s *Server) PreviewStamp(ctx context.Context, req *pb.PreviewStampRequest) (*typev1.Preview, error) {
	tenant, err := record.ParseStampName(req.GetName())
	if err != nil {
		return nil, err
	}
	now, err := s.wished(ctx, tenant)
	if err != nil {
		return nil, err
	}
	q, err := changed(tenant, now, req)
	if err != nil {
		return nil, err
	}
	place, err := s.placement(ctx, q.Tenant)
	if err != nil {
		return nil, err
	}
	var obstacles []*typev1.Obstacle
	if place != nil {
		q.Cell = place.GetCell()
		peer, away, err := s.fill(ctx, &q, place)
		if err != nil {
			return nil, err
		}
		if peer != nil {
			return peer.PreviewStamp(ctx, req)
		}
		obstacles = append(obstacles, away...)
	}
	if now != nil && now.GetGeneration() == q.Tenant.GetGeneration() {
		ended, err := s.ended(ctx, &q)
		if err != nil {
			return nil, err
		}
		obstacles = append(obstacles, ended...)
	}
	return s.preview(ctx, q, place, obstacles)
}

// preview asks the engine, and the placement when the engine could plan.
func (s *Server) preview(ctx context.Context, q engine.Question, place *pb.Placement, obstacles []*typev1.Obstacle) (*typev1.Preview, error) {
	p, err := s.Engine.Preview(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(p.GetComponents()) > 0 && engine.LifecycleOf(q.Tenant) == pb.Stamp_RUNNING {
		room, err := s.room(ctx, q.Tenant, place)
		if err != nil {
			return nil, err
		}
		if room != nil {
			p.Obstacles = append(p.Obstacles, room)
		}
	}
	p.Obstacles = append(p.Obstacles, obstacles...)
	p.Summary = preview.Summary(p.GetComponents(), p.GetObstacles()) + engine.OnceResumed(q)
	return p, nil
}

// wished gives the tenant as the registry has it; where it is away, as this
// replica last saw it. Nil when there is none.
func (s *Server) wished(ctx context.Context, tenant string) (*registryv1.Tenant, error) {
	t, err := s.Tenants.GetTenant(ctx, &registryv1.GetTenantRequest{Name: record.TenantName(tenant)})
	if errs.Is(err, errs.NotFound) {
		return nil, nil
	}
	if err != nil {
		if seen, ok := s.View.Get(tenant); ok {
			return proto.CloneOf(seen), nil
		}
	}
	return t, err
}

var revisionForm = regexp.MustCompile(`^blueprints/[^/]+/revisions/[^/]+$`)

// changed makes the question: the present wish with what the request changes,
// as its next generation when it changes anything.
func changed(id string, now *registryv1.Tenant, req *pb.PreviewStampRequest) (engine.Question, error) {
	if now == nil && req.GetTenant().GetBlueprint() == "" {
		return engine.Question{}, errs.New(errs.NotFound, "TENANT_NOT_FOUND", "tenant does not exist").With("tenant", record.TenantName(id))
	}
	if wish := req.GetTenant().GetBlueprint(); wish != "" && !revisionForm.MatchString(wish) {
		return engine.Question{}, errs.Invalid("NAME_INVALID", errs.Violation{Field: "tenant.blueprint", Description: `must be like "blueprints/helpdesk/revisions/1.0.0"`})
	}
	next := proto.CloneOf(now)
	if next == nil {
		next = &registryv1.Tenant{Name: record.TenantName(id)}
	}
	overlayTenant(next, req.GetTenant())
	if want := req.GetLifecycle(); want != pb.Stamp_LIFECYCLE_UNSPECIFIED && want != engine.LifecycleOf(next) {
		next.DeleteTime, next.Purging = nil, want == pb.Stamp_DESTROYED
		next.Suspended = want == pb.Stamp_STOPPED
	}
	if now == nil || !proto.Equal(now, next) {
		next.Generation, next.GenerationKind = next.GetGeneration()+1, typev1.OperationMetadata_KIND_UNSPECIFIED
	}
	if req.GetNow() {
		next.UrgentGeneration = next.GetGeneration()
	}
	return engine.Question{Tenant: next, Open: true}, nil
}

// overlayTenant sets the fields that a stamp is made of and that are given.
func overlayTenant(t, with *registryv1.Tenant) {
	for _, f := range []struct {
		into *string
		from string
	}{
		{&t.DisplayName, with.GetDisplayName()}, {&t.Blueprint, with.GetBlueprint()}, {&t.Plan, with.GetPlan()},
		{&t.Region, with.GetRegion()}, {&t.Cell, with.GetCell()}, {&t.RestoreFrom, with.GetRestoreFrom()},
	} {
		if f.from != "" {
			*f.into = f.from
		}
	}
	if len(with.GetInputs()) > 0 {
		t.Inputs = with.GetInputs()
	}
}
