package server

import (
	"log/slog"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/desired"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/placement"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/secrets"
)

// Deps is what the RPCs read, and the little that they write.
type Deps struct {
	Store      *record.Store
	Stamps     *store.Cache[*pb.Stamp]
	Operations *store.Cache[*pb.OperationRecord]
	Placements *store.Cache[*pb.Placement]
	View       *desired.View
	Vault      *secrets.Vault
	Recipes    engine.Recipes
	Engine     *engine.Engine
	Cells      placement.Cells
	Tenants    registryv1.TenantServiceClient
	Blueprints registryv1.BlueprintServiceClient
	// Drivers are those of the cells that this replica reaches; Peers gives
	// connections to those that reach another.
	Drivers map[string]driver.Driver
	Peers   Peers
	// Timeline hears of cancellations, and of tasks that talk with a person; those end when neither says
	// anything for TaskIdle, and after TaskWithin.
	Timeline             Timeline
	TaskIdle, TaskWithin time.Duration
	Log                  *slog.Logger
}

// Timeline takes entries of tenants' timelines; the same again is fine.
type Timeline interface {
	Tell(*registryv1.ReportEventRequest) <-chan struct{}
}

// Peers finds the replicas that reach a cell. The error is Unavailable when there
// is none.
type Peers interface {
	Reaching(cell string) ([]grpc.ClientConnInterface, error)
}

// Server answers all RPCs.
type Server struct {
	Deps
	seats *seats
	longrunningpb.UnimplementedOperationsServer
	pb.UnimplementedStampServiceServer
	pb.UnimplementedReadinessServiceServer
	pb.UnimplementedBackupServiceServer
}

// Register puts the services on a server.
func Register(to grpc.ServiceRegistrar, deps Deps) {
	s := &Server{Deps: deps, seats: newSeats(sessionsOfStamp, sessionsOfReplica)}
	longrunningpb.RegisterOperationsServer(to, s)
	pb.RegisterStampServiceServer(to, s)
	pb.RegisterReadinessServiceServer(to, s)
	pb.RegisterBackupServiceServer(to, s)
}
