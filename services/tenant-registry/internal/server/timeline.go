package server

import (
	"context"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/listing"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/tenant"
)

// ListTimeline implements TenantService.
func (s *tenants) ListTimeline(ctx context.Context, req *registryv1.ListTimelineRequest) (*registryv1.ListTimelineResponse, error) {
	name, err := names.ParseTenant("parent", req.GetParent())
	if err != nil {
		return nil, err
	}
	entries, err := s.timeline.List(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		known, err := s.tenants.Known(ctx, name)
		if err != nil {
			return nil, err
		}
		if !known {
			return nil, tenant.ErrNotFound.Naming("tenant", name.String())
		}
	}
	page, err := newest.Page(entries, listing.Query{Token: req.GetPageToken(), Size: req.GetPageSize(), Scope: req.GetParent()})
	if err != nil {
		return nil, err
	}
	return &registryv1.ListTimelineResponse{TimelineEntries: page.Items, NextPageToken: page.Next}, nil
}

// newest orders entries by their names, which sort by time.
var newest = listing.Schema[*registryv1.TimelineEntry]{
	ID: (*registryv1.TimelineEntry).GetName,
	Fields: map[string]listing.Field[*registryv1.TimelineEntry]{
		"name": listing.Text((*registryv1.TimelineEntry).GetName),
	},
	Order: "name desc",
}
