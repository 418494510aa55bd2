package engine

import (
	"fmt"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/record"
)

// noteRestoring notes which backup the manifest is told to be brought back, before
// it is told. The record keeps it for good.
func (r *run) noteRestoring() {
	if from := r.restoring(r.book.Stamp); from != "" {
		r.book.Stamp.Restoring = from
	}
}

// forgotHalf finds data that is half of two, or may be, of which the record knows
// nothing: etcd was restored from a snapshot that is older than the restore. The
// stamp is then taken for half restored, and true is to begin anew with that.
func (r *run) forgotHalf() bool {
	r.noteRestoring()
	s, from := r.book.Stamp, r.obs.Wished.Restoring
	if from == "" || from == s.GetRestoring() || from == r.asked.GetRestoreFrom() {
		return false
	}
	tenant, backup, err := record.ParseBackupName("backup", from)
	if err != nil || tenant != r.id {
		return false
	}
	said := "The data may be half of two: the backup " + backup + " was being brought back, and etcd knows nothing of it, for it was restored from an older snapshot. The endpoint stays closed."
	f := failure.New(typev1.Failure_RESTORE_FAILED, "", said).Failure
	f.Retryable = false
	f.NextAction = fmt.Sprintf("Run `stamp recover --restored`, then bring that back: `stamp backup restore %s %s`. Or open it on what data there is: `stamp tenant retry %s`.", r.id, backup, r.id)
	s.HalfRestoredGeneration, s.WholeBackup, s.Restoring, s.Failure = r.asked.GetGeneration(), backup, from, f
	if u := s.GetUpgrade(); u != nil { // that of then is over, and its backup is none of the data's
		u.Restoring, u.Migrating = false, false
	}
	s.Closed = s.GetEndpoint() != "" || r.wish.Endpoint != ""
	r.obstruct(&typev1.Obstacle{Code: f.GetCode().String(), Message: said, NextAction: f.GetNextAction()})
	return true
}
