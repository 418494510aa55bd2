package engine

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

// noFinalBackup is the obstacle of a deleted stamp whose last backup failed.
func noFinalBackup() *typev1.Obstacle {
	return &typev1.Obstacle{
		Code: typev1.Failure_BACKUP_FAILED.String(), Message: "The last backup failed, so the data here is all there is.",
		NextAction: failure.NextAction(typev1.Failure_BACKUP_FAILED), Since: timestamppb.Now(),
	}
}
