package engine

import (
	"context"
	"errors"
	"fmt"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/record"
)

// safekeep puts into the wish what is to be done beside: which backup is to be
// made, which data to be brought back, or what else an errand asks for.
func (r *run) safekeep(ctx context.Context) error {
	s, w := r.book.Stamp, &r.wish
	u := s.GetUpgrade()
	switch e := r.errand(); {
	case e.GetMakeBackup() != nil:
		w.Backup = r.backupOf(e.GetMakeBackup().GetBackup(), true)
	case e.GetRestoreBackup() != nil:
		return r.safekeepErrand(ctx, e.GetRestoreBackup())
	case e.GetRotateSecret() != nil:
		w.Rotate = r.rotation(e.GetRotateSecret())
	case e.GetRepairStamp() != nil:
		w.Restart = r.restarting(e.GetRepairStamp())
	case e.GetRunTask() != nil:
		w.Task = r.tasking(e.GetRunTask())
	case w.Lifecycle == pb.Stamp_STOPPED && r.asked.GetDeleteTime() != nil && lived(s) && u == nil:
		w.Backup = r.backupOf(finalBackup(r.asked), false)
		return r.openSecrets(ctx)
	case w.Lifecycle != pb.Stamp_RUNNING:
	case u.GetRestoring():
		return r.bringBack(ctx, record.BackupName(r.id, u.GetBackup()), "rollback."+u.GetBackup())
	case u != nil && u.GetFailure() == nil && !u.GetMigrating() && w.migrates(s):
		w.Backup = r.backupOf(u.GetBackup(), false)
	case !lived(s) && r.tenant.GetRestoreFrom() != "":
		return r.bringBack(ctx, r.tenant.GetRestoreFrom(), r.tenant.GetRestoreFrom())
	}
	return nil
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

// safekeepErrand is a restore that a person asked for: a backup of what is there
// first. When it fails, that one is brought back.
func (r *run) safekeepErrand(ctx context.Context, e *pb.Errand_RestoreBackup) error {
	s, key := r.book.Stamp, r.book.Op.GetName()
	if e.GetFailure() == nil {
		r.wish.Backup = r.backupOf(e.GetSafetyBackup(), false)
		return r.bringBack(ctx, e.GetBackup(), key)
	}
	if !ended(s, fetchID, key) {
		return nil // nothing was touched
	}
	return r.bringBack(ctx, record.BackupName(r.id, e.GetSafetyBackup()), "undo."+key)
}
