package server

import (
	"context"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/delivery"
	"stampworks.dev/services/tenant-registry/internal/listing"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/source"
)

type intake struct {
	registryv1.UnimplementedIntakeServiceServer

	sources    *source.Sources
	deliveries *delivery.Deliveries
}

// CreateSource implements IntakeService.
func (s *intake) CreateSource(ctx context.Context, req *registryv1.CreateSourceRequest) (*registryv1.Source, error) {
	return s.sources.Create(ctx, req.GetSourceId(), req.GetSource(), req.GetRequestId())
}

// GetSource implements IntakeService.
func (s *intake) GetSource(ctx context.Context, req *registryv1.GetSourceRequest) (*registryv1.Source, error) {
	name, err := names.ParseSource("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return s.sources.Get(ctx, name)
}

// ListSources implements IntakeService.
func (s *intake) ListSources(ctx context.Context, req *registryv1.ListSourcesRequest) (*registryv1.ListSourcesResponse, error) {
	all, err := s.sources.List(ctx)
	if err != nil {
		return nil, err
	}
	page, err := listing.Schema[*registryv1.Source]{ID: (*registryv1.Source).GetName}.
		Page(all, listing.Query{Token: req.GetPageToken(), Size: req.GetPageSize()})
	if err != nil {
		return nil, err
	}
	return &registryv1.ListSourcesResponse{Sources: page.Items, NextPageToken: page.Next}, nil
}

// UpdateSource implements IntakeService.
func (s *intake) UpdateSource(ctx context.Context, req *registryv1.UpdateSourceRequest) (*registryv1.Source, error) {
	name, err := names.ParseSource("source.name", req.GetSource().GetName())
	if err != nil {
		return nil, err
	}
	return s.sources.Update(ctx, name, req.GetSource(), req.GetUpdateMask().GetPaths())
}

// TestSource implements IntakeService.
func (s *intake) TestSource(ctx context.Context, req *registryv1.TestSourceRequest) (*registryv1.TestSourceResponse, error) {
	name, err := names.ParseSource("name", req.GetName())
	if err != nil {
		return nil, err
	}
	would, err := s.deliveries.Try(ctx, name, req.GetBody())
	if err != nil {
		return nil, err
	}
	return &registryv1.TestSourceResponse{Delivery: would}, nil
}
