package engine

import (
	"context"
	"errors"
	"fmt"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/record"
)

// generation is the kind of operations that bring about what a tenant wishes:
// stamping, update, upgrade, suspension, deletion, purge. Which of them it is
// follows from the wish and the stamp.
type generation struct{}

func (generation) traits() traits { return traits{} }

// wish adds the backup before what changes data or ends the stamp, and the data
// that a new stamp begins with, or an upgrade goes back to.
func (generation) wish(ctx context.Context, r *run) error {
	s, w := r.book.Stamp, &r.wish
	switch u := s.GetUpgrade(); {
	case w.Lifecycle == pb.Stamp_STOPPED && r.asked.GetDeleteTime() != nil, w.Lifecycle == pb.Stamp_DESTROYED:
		return r.keepLast(ctx)
	case w.Lifecycle != pb.Stamp_RUNNING:
	case u.GetRestoring():
		return r.bringBack(ctx, record.BackupName(r.id, u.GetBackup()), "rollback."+u.GetBackup())
	case u != nil && u.GetFailure() == nil && !u.GetMigrating() && w.migrates(s):
		w.Backup = r.backupOf(u.GetBackup(), pb.Backup_BEFORE_UPGRADE)
	case r.beginsWith() != "":
		return r.begin(ctx)
	}
	return nil
}

func (generation) unfit(*run) error { return nil }

// turnedBy is why its upgrade goes back.
func (generation) turnedBy(r *run) *typev1.Failure {
	if r.goesBack() {
		return r.book.Stamp.GetUpgrade().GetFailure()
	}
	return nil
}

// turn is not for it: an upgrade goes back at its first failure (turnBack).
func (generation) turn(*run, *typev1.Failure) bool { return false }

// inVain says where the data of before an upgrade is when that could not be
// brought back.
func (generation) inVain(r *run, f *typev1.Failure) *typev1.Failure {
	u := r.book.Stamp.GetUpgrade()
	if !r.goesBack() || !u.GetRestoring() {
		return f
	}
	next := fmt.Sprintf("Correct the blueprint's restore job, or restore %s: `stamp backup restore %s %s`; or retry the tenant, which brings that data back first.", u.GetBackup(), r.id, u.GetBackup())
	return r.leaveHalf(u.GetFailure(), f, "The data of before the upgrade", "It is in the backup "+u.GetBackup()+".", next)
}

// keepLast wishes for the last backup of a stamp that is deleted, and of one
// that is destroyed before its deletion made that. Data that a migration left
// half-way is not kept: the backup from before the upgrade is of it.
func (r *run) keepLast(ctx context.Context) error {
	s := r.book.Stamp
	if !lived(s) || s.GetUpgrade().GetMigrating() || r.wish.Lifecycle == pb.Stamp_DESTROYED && (hasLast(r.asked, s) || r.asked.GetPurge().GetForce()) {
		return nil
	}
	r.wish.Backup = r.backupOf(finalBackup(r.asked), pb.Backup_FINAL)
	return r.openSecrets(ctx)
}

// hasLast says whether the last backup was made, and nothing came after it: not
// a generation that served again.
func hasLast(t *registryv1.Tenant, have *Stamp) bool {
	var of int64
	_, err := fmt.Sscanf(have.GetJobsDone()[keepID], "final-%d", &of)
	return err == nil && (of >= have.GetDoneGeneration() && of < t.GetGeneration())
}

// openSecrets gets what the jobs of a last backup need. Secrets that cannot be
// opened keep nobody from stopping: the backup fails then, and says so.
func (r *run) openSecrets(ctx context.Context) (err error) {
	if !r.wish.backsUp(r.book.Stamp) {
		return nil
	}
	r.vault, err = r.Vault.Read(ctx, r.id, r.asked.GetUid())
	var unreadable *failure.Error
	if errors.As(err, &unreadable) {
		return nil
	}
	return err
}

// finalBackup is the id of the one that is made when a tenant is deleted.
func finalBackup(t *registryv1.Tenant) string { return fmt.Sprintf("final-%d", t.GetGeneration()) }
