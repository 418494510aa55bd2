package server

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/record"
)

// behind shows on an operation that has not begun which one comes before it, and
// what holds that up: its own record knows of it only when it is its turn. An
// operation that has something to show already is left as it is.
func behind(op *pb.OperationRecord, open []*pb.OperationRecord) *pb.OperationRecord {
	m := op.GetMetadata()
	if m.GetState() != typev1.OperationMetadata_QUEUED || len(m.GetObstacles()) > 0 {
		return op
	}
	first := before(op, open)
	if first == nil {
		return op
	}
	id, of := strings.TrimPrefix(first.GetName(), "operations/"), first.GetMetadata()
	o := &typev1.Obstacle{
		Code:       "BEHIND_OPERATION",
		Message:    fmt.Sprintf("It comes after the operation %s (%s, %s).", id, of.GetKind(), of.GetState()),
		NextAction: fmt.Sprintf("Wait for it, or cancel it: stamp operation cancel %s", id),
		Since:      m.GetCreateTime(),
	}
	if f := of.GetFailure(); f != nil && of.GetState() == typev1.OperationMetadata_RETRYING {
		o.Message += " It is tried again: " + f.GetMessage()
	}
	shown := proto.CloneOf(op)
	shown.Metadata.Obstacles = append([]*typev1.Obstacle{o}, of.GetObstacles()...)
	return shown
}

// before is the operation of the same tenant that is at work, or has its turn
// before this one; nil when there is none. Generations come before all work
// without one, and that in the order in which it was asked for.
func before(op *pb.OperationRecord, open []*pb.OperationRecord) *pb.OperationRecord {
	var first *pb.OperationRecord
	for _, other := range open {
		m := other.GetMetadata()
		switch {
		case other.GetName() == op.GetName() || record.Over(m) || m.GetTenant() != op.GetMetadata().GetTenant():
		case m.GetKind() == typev1.OperationMetadata_VERIFY: // in a stamp of its own
		case m.GetState() == typev1.OperationMetadata_RUNNING:
			return other
		case op.GetErrand() != nil && turn(other, op) && (first == nil || turn(other, first)):
			first = other
		}
	}
	return first
}

// turn says whether a has its turn before b.
func turn(a, b *pb.OperationRecord) bool {
	if x, y := a.GetErrand() == nil, b.GetErrand() == nil; x != y {
		return x
	}
	return a.GetMetadata().GetCreateTime().AsTime().Before(b.GetMetadata().GetCreateTime().AsTime())
}

// queuedBehind is behind by what this replica last saw of the tenant.
func (s *Server) queuedBehind(op *pb.OperationRecord) *pb.OperationRecord {
	if op.GetMetadata().GetState() != typev1.OperationMetadata_QUEUED || op.GetMetadata().GetKind() == typev1.OperationMetadata_VERIFY {
		return op
	}
	known, _ := s.Operations.Snapshot()
	var open []*pb.OperationRecord
	for _, v := range known {
		open = append(open, v.Value)
	}
	return behind(op, append(open, s.unbegun(op)...))
}

// unbegun is the operation of the tenant's present generation while it has no
// record, and its stamp is behind it.
func (s *Server) unbegun(op *pb.OperationRecord) []*pb.OperationRecord {
	tenant := record.TenantID(op.GetMetadata().GetTenant())
	t, ok := s.View.Get(tenant)
	if !ok || op.GetErrand() == nil {
		return nil
	}
	if _, known := s.Operations.Peek(record.OperationID(tenant, t.GetGeneration())); known || s.stamp(tenant).GetDoneGeneration() >= t.GetGeneration() {
		return nil
	}
	return []*pb.OperationRecord{engine.NewOperation(t, s.stamp(tenant))}
}
