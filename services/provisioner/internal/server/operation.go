package server

import (
	"context"
	"fmt"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"stampworks.dev/pkg/rpc/identity"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/record"
)

// message gives an operation as the API shows it. find gives the response of
// one that succeeded.
func message(ctx context.Context, op *pb.OperationRecord, find func(context.Context, *pb.OperationRecord) proto.Message) (*longrunningpb.Operation, error) {
	op = seenBy(ctx, op)
	metadata, err := anypb.New(op.GetMetadata())
	if err != nil {
		return nil, fmt.Errorf("pack metadata of %q: %w", op.GetName(), err)
	}
	m := op.GetMetadata()
	out := &longrunningpb.Operation{Name: op.GetName(), Metadata: metadata, Done: record.Over(m)}
	switch {
	case m.GetState() == typev1.OperationMetadata_SUCCEEDED:
		response, err := anypb.New(find(ctx, op))
		if err != nil {
			return nil, fmt.Errorf("pack response of %q: %w", op.GetName(), err)
		}
		out.Result = &longrunningpb.Operation_Response{Response: response}
	case out.GetDone():
		failed, err := failureStatus(m)
		if err != nil {
			return nil, fmt.Errorf("pack error of %q: %w", op.GetName(), err)
		}
		out.Result = &longrunningpb.Operation_Error{Error: failed}
	}
	return out, nil
}

// seenBy is an operation as the caller may see it: without what a task printed
// when the caller may not run that task.
func seenBy(ctx context.Context, op *pb.OperationRecord) *pb.OperationRecord {
	t := op.GetErrand().GetRunTask()
	if t == nil {
		return op
	}
	if who, _ := identity.PrincipalFrom(ctx); identity.AtLeast(who.Role, taskRole(t.GetRole())) {
		return op
	}
	seen := proto.CloneOf(op)
	if res := seen.GetErrand().GetRunTask().GetResult(); res != nil {
		res.Output = nil
	}
	bare(seen.GetMetadata().GetFailure())
	for _, step := range seen.GetMetadata().GetSteps() {
		bare(step.GetFailure())
	}
	return seen
}

func bare(f *typev1.Failure) {
	if f != nil {
		f.Evidence = nil
	}
}

// failureStatus is why an operation ended without success (AIP-193).
func failureStatus(m *typev1.OperationMetadata) (*rpcstatus.Status, error) {
	f := m.GetFailure()
	code, reason, message := codes.FailedPrecondition, f.GetCode().String(), f.GetMessage()
	switch m.GetState() {
	case typev1.OperationMetadata_CANCELLED:
		code, reason = codes.Canceled, typev1.Failure_CANCELLED.String()
	case typev1.OperationMetadata_SUPERSEDED:
		code, reason, message = codes.Aborted, "SUPERSEDED", "A newer generation took its place."
	}
	info, err := anypb.New(&errdetails.ErrorInfo{Reason: reason, Domain: "stampworks.dev", Metadata: map[string]string{
		"owner": f.GetOwner().String(), "component": f.GetComponent(), "next_action": f.GetNextAction(),
	}})
	if err != nil {
		return nil, err
	}
	details := []*anypb.Any{info}
	if f != nil {
		detail, err := anypb.New(f)
		if err != nil {
			return nil, err
		}
		details = append(details, detail)
	}
	return &rpcstatus.Status{Code: int32(code), Message: message, Details: details}, nil
}

// current gives what an operation was about as it is now: its backup, or the
// tenant as the registry has it. When that is away or gone, what is known of it
// will do.
func (s *Server) current(ctx context.Context, op *pb.OperationRecord) proto.Message {
	if m := s.outcome(op); m != nil {
		return m
	}
	if op.GetErrand() != nil {
		if b, err := s.backup(ctx, op.GetMetadata().GetBackup()); err == nil {
			return b
		}
		return s.viewed(ctx, op)
	}
	if t, err := s.Tenants.GetTenant(ctx, &registryv1.GetTenantRequest{Name: op.GetMetadata().GetTenant()}); err == nil {
		return t
	}
	return s.viewed(ctx, op)
}

// viewed gives it without asking anybody: the backup's name, or the tenant as
// this replica last saw it.
func (s *Server) viewed(_ context.Context, op *pb.OperationRecord) proto.Message {
	if m := s.outcome(op); m != nil {
		return m
	}
	if op.GetErrand() != nil {
		return &pb.Backup{Name: op.GetMetadata().GetBackup(), TenantUid: op.GetTenantUid()}
	}
	if t, ok := s.View.Get(record.TenantID(op.GetMetadata().GetTenant())); ok {
		return proto.CloneOf(t)
	}
	gone := &registryv1.Tenant{Name: op.GetMetadata().GetTenant(), Uid: op.GetTenantUid()}
	if op.GetMetadata().GetKind() == typev1.OperationMetadata_PURGE {
		gone.State = registryv1.Tenant_DELETED
	}
	return gone
}
