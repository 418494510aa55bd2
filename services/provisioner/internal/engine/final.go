package engine

import (
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

// onlyCopy is what is said of a deleted stamp whose last backup failed.
const onlyCopy = "The last backup failed, so the data here is all there is."

// noFinalBackup is the obstacle of a deleted stamp whose last backup failed.
func noFinalBackup() *typev1.Obstacle {
	return &typev1.Obstacle{
		Code: typev1.Failure_BACKUP_FAILED.String(), Message: onlyCopy,
		NextAction: failure.NextAction(typev1.Failure_BACKUP_FAILED), Since: timestamppb.Now(),
	}
}

// mayDestroy refuses to destroy the only copy of a customer's data, unless a
// person said so in spite of it.
func mayDestroy(t *registryv1.Tenant, have *pb.Stamp) error {
	if !strings.HasPrefix(have.GetJobsDone()[keepID], failedBackup("final-")) || t.GetPurge().GetForce() {
		return nil
	}
	err := failure.New(typev1.Failure_BACKUP_FAILED, "", onlyCopy)
	err.Failure.Retryable = false
	err.Failure.NextAction = "Undelete the tenant and back it up, or purge it with force to lose its data."
	return err
}
