package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/placement"
	"stampworks.dev/services/provisioner/internal/readiness"
	"stampworks.dev/services/provisioner/internal/render"
)

// EvaluateReadiness says whether the next customers can be taken. The verdict is
// kept, so that it can be compared with what came true.
func (s *Server) EvaluateReadiness(ctx context.Context, req *pb.EvaluateReadinessRequest) (*pb.EvaluateReadinessResponse, error) {
	revision, err := s.revision(ctx, req.GetBlueprint())
	if err != nil {
		return nil, err
	}
	recipe, err := s.Recipes.Get(ctx, revision)
	if err != nil {
		return nil, err
	}
	plan := req.GetPlan()
	if plan == "" {
		plan = recipe.DefaultPlan()
	}
	if !recipe.HasPlan(plan) {
		return nil, errs.New(errs.NotFound, "PLAN_NOT_FOUND", "%s has no plan %q; it has %s", revision, plan, strings.Join(recipe.Plans(), ", "))
	}
	ask, err := render.Ask(recipe, plan)
	if err != nil {
		return nil, err
	}
	ask.Region = req.GetRegion()
	q := readiness.Question{Ask: ask, Revision: revision, Count: req.GetCount(), Now: time.Now()}
	if q.Cells, err = s.cells(ctx); err != nil {
		return nil, err
	}
	if q.Past, err = s.past(ctx, revision, plan); err != nil {
		return nil, err
	}
	answer := readiness.Evaluate(q)
	id := fmt.Sprintf("%020d", q.Now.UnixNano())
	if _, err := s.Store.Verdicts.Create(ctx, id, answer); err != nil {
		s.Log.WarnContext(ctx, "keep verdict", "error", err) // the answer is true all the same
	}
	return answer, nil
}

// revision gives the full name of a revision: the one named, or the newest of
// the blueprint named.
func (s *Server) revision(ctx context.Context, blueprint string) (string, error) {
	parts := strings.Split(blueprint, "/")
	switch {
	case len(parts) == 4 && parts[0] == "blueprints" && parts[2] == "revisions":
		_, err := s.Blueprints.GetRevision(ctx, &registryv1.GetRevisionRequest{Name: blueprint})
		return blueprint, err
	case len(parts) == 2 && parts[0] == "blueprints":
		list, err := s.Blueprints.ListRevisions(ctx, &registryv1.ListRevisionsRequest{Parent: blueprint, PageSize: 1})
		if err != nil {
			return "", err
		}
		if len(list.GetRevisions()) == 0 {
			return "", errs.New(errs.NotFound, "REVISION_NOT_FOUND", "%s has no revision", blueprint)
		}
		return list.GetRevisions()[0].GetName(), nil
	}
	return "", errs.Invalid("NAME_INVALID", errs.Violation{Field: "blueprint", Description: `must be like "blueprints/helpdesk" or "blueprints/helpdesk/revisions/1.0.0"`})
}

func (s *Server) cells(ctx context.Context) ([]placement.Cell, error) {
	cells, err := s.Cells.List(ctx)
	if err != nil {
		return nil, err
	}
	placed, _, err := s.Placements.List(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]*pb.Placement, 0, len(placed))
	for _, v := range placed {
		all = append(all, v.Value)
	}
	return placement.Reserve(cells, all), nil
}

// past gives the creations of that blueprint and plan, whatever the revision.
func (s *Server) past(ctx context.Context, revision, plan string) ([]*pb.ShapeRecord, error) {
	all, _, err := s.Store.Shapes.List(ctx, store.ListOptions{})
	if err != nil {
		return nil, err
	}
	product := revision[:strings.LastIndexByte(revision, '/')+1]
	var found []*pb.ShapeRecord
	for _, v := range all {
		if v.Value.GetKind() == typev1.OperationMetadata_CREATE && v.Value.GetPlan() == plan && strings.HasPrefix(v.Value.GetRevision(), product) {
			found = append(found, v.Value)
		}
	}
	return found, nil
}
