package server

import (
	"google.golang.org/grpc"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/blueprints"
	"stampworks.dev/services/tenant-registry/internal/cell"
	"stampworks.dev/services/tenant-registry/internal/delivery"
	"stampworks.dev/services/tenant-registry/internal/source"
	"stampworks.dev/services/tenant-registry/internal/tenant"
	"stampworks.dev/services/tenant-registry/internal/timeline"
)

// Deps are the domains that are served.
type Deps struct {
	Tenants    *tenant.Tenants
	Timeline   *timeline.Timeline
	Catalog    *blueprints.Catalog
	Cells      *cell.Cells
	Sources    *source.Sources
	Deliveries *delivery.Deliveries
}

// Register adds the registry's services to a gRPC server.
func Register(r grpc.ServiceRegistrar, d Deps) {
	registryv1.RegisterTenantServiceServer(r, &tenants{tenants: d.Tenants, timeline: d.Timeline})
	registryv1.RegisterBlueprintServiceServer(r, &catalog{catalog: d.Catalog, tenants: d.Tenants})
	registryv1.RegisterCellServiceServer(r, &cells{cells: d.Cells})
	registryv1.RegisterReportServiceServer(r, &reports{tenants: d.Tenants, cells: d.Cells})
	registryv1.RegisterIntakeServiceServer(r, &intake{sources: d.Sources, deliveries: d.Deliveries})
}
