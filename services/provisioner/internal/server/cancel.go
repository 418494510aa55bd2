package server

import (
	"context"
	"errors"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/telemetry"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/internal/record"
)

// CancelOperation asks for the operation to end at the next step boundary
// (AIP-151). What was done stays; it is not taken up again until a retry or a
// new wish.
func (s *Server) CancelOperation(ctx context.Context, req *longrunningpb.CancelOperationRequest) (*emptypb.Empty, error) {
	id, _, _, err := record.ParseOperationName(req.GetName())
	if err != nil {
		return nil, err
	}
	op, err := s.find(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	if record.Over(op.GetMetadata()) {
		return nil, errs.New(errs.FailedPrecondition, "OPERATION_DONE", "operation %q has ended already", req.GetName())
	}
	first := false
	ask := func(op *pb.OperationRecord) error {
		first = !record.Over(op.GetMetadata()) && !op.GetCancelRequested()
		op.CancelRequested = first || op.GetCancelRequested()
		return nil
	}
	_, err = s.Store.Operations.Update(ctx, id, ask)
	if errors.Is(err, store.ErrNotFound) {
		fresh := proto.CloneOf(op)
		first, fresh.CancelRequested = true, true
		fresh.Metadata.CreateTime = timestamppb.New(op.GetMetadata().GetCreateTime().AsTime())
		if _, err = s.Store.Operations.Create(ctx, id, fresh); errors.Is(err, store.ErrExists) {
			_, err = s.Store.Operations.Update(ctx, id, ask)
		}
	}
	if err != nil {
		return nil, err
	}
	if first {
		s.tellCancel(ctx, id, op)
	}
	return &emptypb.Empty{}, nil
}

// tellCancel puts into the timeline who ends an operation: how it ended is told by
// what carries it out. It hears of it later when the registry is away.
func (s *Server) tellCancel(ctx context.Context, id string, op *pb.OperationRecord) {
	who, _ := identity.PrincipalFrom(ctx)
	s.Timeline.Tell(&registryv1.ReportEventRequest{
		Name: op.GetMetadata().GetTenant(), Uid: op.GetTenantUid(), Operation: "operations/" + id,
		Entry: &registryv1.TimelineEntry{
			CreateTime: timestamppb.Now(), Principal: who.Name, Action: "operation.cancelled", TraceId: telemetry.TraceID(ctx),
			Message: "The operation " + id + " is to end at its next step",
		},
	})
}
