package engine

import (
	"slices"
	"strings"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

// onlyCopy is what is said of a deleted stamp whose last backup failed.
const onlyCopy = "The last backup failed, so the data here is all there is."

// doWithout notes that a deletion goes on without its last backup, and why: that
// is an obstacle to the purge.
func (r *run) doWithout(f *typev1.Failure) {
	r.book.Stamp.JobsDone[keepID] = failedBackup(r.wish.Backup.ID)
	said := onlyCopy + " " + f.GetMessage()
	if n := len(f.GetEvidence()); n > 0 {
		said += " " + f.GetEvidence()[n-1]
	}
	r.obstruct(&typev1.Obstacle{
		Code: typev1.Failure_BACKUP_FAILED.String(), Message: said, NextAction: f.GetNextAction(),
	})
}

// settledObstacles are those that stay when a generation was brought about.
func (r *run) settledObstacles() []*typev1.Obstacle {
	if halfRestored(r.book.Stamp) {
		return r.book.Stamp.GetObstacles()
	}
	if r.wish.Backup == nil || !gaveUp(r.book.Stamp, r.wish.Backup.ID) {
		return nil
	}
	return slices.DeleteFunc(r.book.Stamp.GetObstacles(), func(o *typev1.Obstacle) bool {
		return o.GetCode() != typev1.Failure_BACKUP_FAILED.String()
	})
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
