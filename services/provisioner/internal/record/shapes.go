package record

import (
	"google.golang.org/protobuf/types/known/durationpb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// shapeOf is what remains of an operation that ended.
func shapeOf(op *typev1.OperationMetadata) *pb.ShapeRecord {
	end := op.GetEndTime().AsTime()
	return &pb.ShapeRecord{
		Kind: op.GetKind(), Revision: op.GetRevision(), Plan: op.GetPlan(), Cell: op.GetCell(), Outcome: op.GetState(),
		LeadTime: durationpb.New(end.Sub(op.GetCreateTime().AsTime())),
		WorkTime: durationpb.New(end.Sub(op.GetStartTime().AsTime())),
		EndTime:  op.GetEndTime(),
	}
}
