package server

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/listing"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/tenant"
	"stampworks.dev/services/tenant-registry/internal/timeline"
)

type tenants struct {
	registryv1.UnimplementedTenantServiceServer

	tenants  *tenant.Tenants
	timeline *timeline.Timeline
}

// CreateTenant implements TenantService.
func (s *tenants) CreateTenant(ctx context.Context, req *registryv1.CreateTenantRequest) (*longrunningpb.Operation, error) {
	return operation(s.tenants.Create(ctx, tenant.Creation{
		ID: req.GetTenantId(), Wish: req.GetTenant(), RequestID: req.GetRequestId(), DryRun: req.GetValidateOnly(),
	}))
}

// GetTenant implements TenantService.
func (s *tenants) GetTenant(ctx context.Context, req *registryv1.GetTenantRequest) (*registryv1.Tenant, error) {
	name, err := names.ParseTenant("name", req.GetName())
	if err != nil {
		return nil, err
	}
	view, err := s.tenants.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	return view.Message(), nil
}

// ListTenants implements TenantService.
func (s *tenants) ListTenants(ctx context.Context, req *registryv1.ListTenantsRequest) (*registryv1.ListTenantsResponse, error) {
	page, err := s.tenants.List(ctx, listing.Query{
		Filter: req.GetFilter(), OrderBy: req.GetOrderBy(), Token: req.GetPageToken(), Size: req.GetPageSize(),
	}, req.GetShowDeleted())
	if err != nil {
		return nil, err
	}
	resp := &registryv1.ListTenantsResponse{NextPageToken: page.Next, TotalSize: int32(page.Total)}
	for _, view := range page.Items {
		resp.Tenants = append(resp.Tenants, view.Message())
	}
	return resp, nil
}

// UpdateTenant implements TenantService.
func (s *tenants) UpdateTenant(ctx context.Context, req *registryv1.UpdateTenantRequest) (*longrunningpb.Operation, error) {
	name, err := names.ParseTenant("tenant.name", req.GetTenant().GetName())
	if err != nil {
		return nil, err
	}
	return operation(s.tenants.Update(ctx, name, tenant.Revision{
		Asked: req.GetTenant(), Paths: req.GetUpdateMask().GetPaths(), DryRun: req.GetValidateOnly(), AllowMissing: req.GetAllowMissing(), Now: req.GetNow(),
	}))
}

// DeleteTenant implements TenantService.
func (s *tenants) DeleteTenant(ctx context.Context, req *registryv1.DeleteTenantRequest) (*longrunningpb.Operation, error) {
	name, err := names.ParseTenant("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return operation(s.tenants.Delete(ctx, name, tenant.Deletion{
		Etag: req.GetEtag(), AllowMissing: req.GetAllowMissing(), DryRun: req.GetValidateOnly(),
	}))
}

// SuspendTenant implements TenantService.
func (s *tenants) SuspendTenant(ctx context.Context, req *registryv1.SuspendTenantRequest) (*longrunningpb.Operation, error) {
	name, err := names.ParseTenant("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return operation(s.tenants.Suspend(ctx, name, req.GetEtag(), req.GetReason()))
}

// ResumeTenant implements TenantService.
func (s *tenants) ResumeTenant(ctx context.Context, req *registryv1.ResumeTenantRequest) (*longrunningpb.Operation, error) {
	name, err := names.ParseTenant("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return operation(s.tenants.Resume(ctx, name, req.GetEtag()))
}

// RetryTenant implements TenantService.
func (s *tenants) RetryTenant(ctx context.Context, req *registryv1.RetryTenantRequest) (*longrunningpb.Operation, error) {
	name, err := names.ParseTenant("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return operation(s.tenants.Retry(ctx, name, req.GetEtag()))
}

// PurgeTenant implements TenantService.
func (s *tenants) PurgeTenant(ctx context.Context, req *registryv1.PurgeTenantRequest) (*longrunningpb.Operation, error) {
	name, err := names.ParseTenant("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return operation(s.tenants.Purge(ctx, name, tenant.Destruction{Etag: req.GetEtag(), Force: req.GetForce(), Confirm: int(req.GetConfirmCount())}))
}
