package engine

import (
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/record"
)

// AskRotation asks for a new value of a secret of a stamp.
func AskRotation(stamp *pb.Stamp, secret string) record.Errand {
	return record.Errand{
		Tenant: record.TenantID(stamp.GetName()), UID: stamp.GetTenantUid(), Kind: typev1.OperationMetadata_ROTATE, Word: "rotate",
		Work: func(int) (*pb.Errand, *typev1.OperationMetadata) {
			work := &pb.Errand_RotateSecret_{RotateSecret: &pb.Errand_RotateSecret{Secret: secret}}
			return &pb.Errand{Work: work}, &typev1.OperationMetadata{Secret: secret}
		},
		Same: func(op *pb.OperationRecord) bool { return op.GetMetadata().GetSecret() == secret },
	}
}

// AskRepair asks to restart a component of a stamp, or all.
func AskRepair(stamp *pb.Stamp, component, reason string) record.Errand {
	return record.Errand{
		Tenant: record.TenantID(stamp.GetName()), UID: stamp.GetTenantUid(), Kind: typev1.OperationMetadata_REPAIR, Word: "repair",
		Work: func(int) (*pb.Errand, *typev1.OperationMetadata) {
			work := &pb.Errand_RepairStamp_{RepairStamp: &pb.Errand_RepairStamp{Component: component, Reason: reason}}
			return &pb.Errand{Work: work}, &typev1.OperationMetadata{Component: component}
		},
		Same: func(op *pb.OperationRecord) bool { return op.GetMetadata().GetComponent() == component },
	}
}

// AskTask asks to run a task in a component of a stamp. Only who has the role sees
// what it prints.
func AskTask(stamp *pb.Stamp, task, component, role string) record.Errand {
	return record.Errand{
		Tenant: record.TenantID(stamp.GetName()), UID: stamp.GetTenantUid(), Kind: typev1.OperationMetadata_TASK, Word: "task",
		Work: func(int) (*pb.Errand, *typev1.OperationMetadata) {
			work := &pb.Errand_RunTask_{RunTask: &pb.Errand_RunTask{Task: task, Role: role}}
			return &pb.Errand{Work: work}, &typev1.OperationMetadata{Task: task, Component: component}
		},
		Same: func(op *pb.OperationRecord) bool { return op.GetMetadata().GetTask() == task },
	}
}
