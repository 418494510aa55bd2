package server

import (
	"context"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/listing"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// PreviewRevisionImpact implements BlueprintService.
func (s *catalog) PreviewRevisionImpact(ctx context.Context, req *registryv1.PreviewRevisionImpactRequest) (*registryv1.PreviewRevisionImpactResponse, error) {
	to, err := names.ParseRevision("name", req.GetName())
	if err != nil {
		return nil, err
	}
	page, err := s.tenants.Impact(ctx, to, listing.Query{Filter: req.GetFilter(), Token: req.GetPageToken(), Size: req.GetPageSize()})
	if err != nil {
		return nil, err
	}
	return &registryv1.PreviewRevisionImpactResponse{TenantImpacts: page.Items, NextPageToken: page.Next, TotalSize: int32(page.Total)}, nil
}
