package server

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/tenant"
)

// RecoverTenant implements TenantService.
func (s *tenants) RecoverTenant(ctx context.Context, req *registryv1.RecoverTenantRequest) (*longrunningpb.Operation, error) {
	return operation(s.tenants.Recover(ctx, tenant.Recovery{
		ID: req.GetRecoveryId(), Cell: req.GetCell(), Was: req.GetTenant(), TakeOver: req.GetTakeOver(), DryRun: req.GetValidateOnly(),
	}))
}
