package server

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/blueprints"
	"stampworks.dev/services/tenant-registry/internal/listing"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/tenant"
)

type catalog struct {
	registryv1.UnimplementedBlueprintServiceServer

	catalog *blueprints.Catalog
	tenants *tenant.Tenants
}

// GetBlueprint implements BlueprintService.
func (s *catalog) GetBlueprint(ctx context.Context, req *registryv1.GetBlueprintRequest) (*registryv1.Blueprint, error) {
	name, err := names.ParseBlueprint("name", req.GetName())
	if err != nil {
		return nil, err
	}
	revisions, err := s.catalog.Revisions(ctx, name)
	if err != nil {
		return nil, err
	}
	return blueprints.Summary(revisions), nil
}

// ListBlueprints implements BlueprintService.
func (s *catalog) ListBlueprints(ctx context.Context, req *registryv1.ListBlueprintsRequest) (*registryv1.ListBlueprintsResponse, error) {
	all, err := s.catalog.Blueprints(ctx)
	if err != nil {
		return nil, err
	}
	page, err := listing.Schema[*registryv1.Blueprint]{ID: (*registryv1.Blueprint).GetName}.
		Page(all, listing.Query{Token: req.GetPageToken(), Size: req.GetPageSize()})
	if err != nil {
		return nil, err
	}
	return &registryv1.ListBlueprintsResponse{Blueprints: page.Items, NextPageToken: page.Next}, nil
}

// CreateRevision implements BlueprintService.
func (s *catalog) CreateRevision(ctx context.Context, req *registryv1.CreateRevisionRequest) (*registryv1.Revision, error) {
	parent, err := names.ParseBlueprint("parent", req.GetParent())
	if err != nil {
		return nil, err
	}
	return s.catalog.Publish(ctx, blueprints.Publication{
		Parent: parent, ID: req.GetRevisionId(), Source: req.GetRevision().GetSource(), DryRun: req.GetValidateOnly(),
	})
}

// GetRevision implements BlueprintService.
func (s *catalog) GetRevision(ctx context.Context, req *registryv1.GetRevisionRequest) (*registryv1.Revision, error) {
	name, err := names.ParseRevision("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return s.catalog.Get(ctx, name)
}

// ListRevisions implements BlueprintService.
func (s *catalog) ListRevisions(ctx context.Context, req *registryv1.ListRevisionsRequest) (*registryv1.ListRevisionsResponse, error) {
	parent, err := names.ParseBlueprint("parent", req.GetParent())
	if err != nil {
		return nil, err
	}
	all, err := s.catalog.Revisions(ctx, parent)
	if err != nil {
		return nil, err
	}
	rows := make([]ranked, len(all))
	for i, revision := range all {
		rows[i] = ranked{rank: len(all) - i, revision: revision}
	}
	page, err := byRank.Page(rows, listing.Query{Token: req.GetPageToken(), Size: req.GetPageSize(), Scope: req.GetParent()})
	if err != nil {
		return nil, err
	}
	resp := &registryv1.ListRevisionsResponse{NextPageToken: page.Next}
	for _, row := range page.Items {
		short, _ := proto.Clone(row.revision).(*registryv1.Revision)
		short.Recipe, short.Source = nil, ""
		resp.Revisions = append(resp.Revisions, short)
	}
	return resp, nil
}

// ranked is a revision with its place counted from the oldest version, which
// stays when a newer one is published between two pages.
type ranked struct {
	rank     int
	revision *registryv1.Revision
}

var byRank = listing.Schema[ranked]{
	ID:     func(r ranked) string { return r.revision.GetName() },
	Fields: map[string]listing.Field[ranked]{"rank": listing.Text(func(r ranked) string { return fmt.Sprintf("%09d", r.rank) })},
	Order:  "rank desc",
}
