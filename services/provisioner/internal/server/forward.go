package server

import (
	"context"

	"google.golang.org/grpc"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/identity"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/record"
)

// here gives the driver of the stamp's cell when this replica reaches it, and
// otherwise a client of the replica that does. A call that was forwarded once
// is not forwarded again: views of who is present may differ for a moment.
func (s *Server) here(ctx context.Context, stamp *pb.Stamp) (driver.Driver, pb.StampServiceClient, error) {
	d, conn, err := s.reach(ctx, stamp.GetCell())
	if d != nil || err != nil {
		return d, nil, err
	}
	return nil, pb.NewStampServiceClient(conn), nil
}

// reach is the same by the name of the cell.
func (s *Server) reach(ctx context.Context, name string) (driver.Driver, grpc.ClientConnInterface, error) {
	cell := record.CellID(name)
	if d, ok := s.Drivers[cell]; ok {
		return d, nil, nil
	}
	if identity.PeerFrom(ctx) == "provisioner" {
		return nil, nil, errs.New(errs.Unavailable, "CELL_UNREACHABLE", "this replica does not reach cell %q", cell)
	}
	all, err := s.Peers.Reaching(cell)
	if err != nil {
		return nil, nil, err
	}
	return nil, all[0], nil
}

func ref(stamp *pb.Stamp) driver.Ref {
	return driver.Ref{Tenant: record.TenantID(stamp.GetName()), UID: stamp.GetTenantUid(), Token: stamp.GetToken(), Recovery: stamp.GetAdopted()}
}
