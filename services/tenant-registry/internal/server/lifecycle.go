package server

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/tenant"
)

// UpgradeTenant implements TenantService.
func (s *tenants) UpgradeTenant(ctx context.Context, req *registryv1.UpgradeTenantRequest) (*longrunningpb.Operation, error) {
	name, err := names.ParseTenant("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return operation(s.tenants.Upgrade(ctx, name, tenant.Upgrade{
		Etag: req.GetEtag(), To: req.GetRevision(), Why: req.GetReason(), Inputs: req.GetInputs(), Now: req.GetNow(), DryRun: req.GetValidateOnly(),
	}))
}

// UndeleteTenant implements TenantService.
func (s *tenants) UndeleteTenant(ctx context.Context, req *registryv1.UndeleteTenantRequest) (*longrunningpb.Operation, error) {
	name, err := names.ParseTenant("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return operation(s.tenants.Undelete(ctx, name, req.GetEtag()))
}

// HoldTenant implements TenantService.
func (s *tenants) HoldTenant(ctx context.Context, req *registryv1.HoldTenantRequest) (*registryv1.Tenant, error) {
	name, err := names.ParseTenant("name", req.GetName())
	if err != nil {
		return nil, err
	}
	change, err := s.tenants.Hold(ctx, name, req.GetEtag(), &registryv1.Hold{Owner: req.GetOwner(), Reason: req.GetReason(), ExpireTime: req.GetExpireTime()}, req.GetReplace())
	return change.Tenant, err
}

// UnholdTenant implements TenantService.
func (s *tenants) UnholdTenant(ctx context.Context, req *registryv1.UnholdTenantRequest) (*registryv1.Tenant, error) {
	name, err := names.ParseTenant("name", req.GetName())
	if err != nil {
		return nil, err
	}
	change, err := s.tenants.Unhold(ctx, name, req.GetEtag())
	return change.Tenant, err
}

// GetReceipt implements TenantService.
func (s *tenants) GetReceipt(ctx context.Context, req *registryv1.GetReceiptRequest) (*registryv1.Receipt, error) {
	name, err := names.ParseReceipt("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return s.tenants.Receipt(ctx, name)
}
