package engine

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/record"
)

// restoreErrand is the kind of a restore that a person asked for: a backup of
// what is there first. When it fails, that one is brought back.
type restoreErrand struct {
	errand
	work *pb.Errand_RestoreBackup
}

func (k restoreErrand) traits() traits {
	b := path.Base(k.work.GetBackup())
	return traits{
		errand: true, code: typev1.Failure_RESTORE_FAILED, ofData: true, binding: true, unstoppable: true, mends: true,
		asked: "The data of " + b + " is to be brought back", succeeded: "The data of " + b + " is back",
	}
}

func (k restoreErrand) wish(ctx context.Context, r *run) error {
	key := r.book.Op.GetName()
	if k.work.GetFailure() == nil {
		r.wish.Backup = r.backupOf(k.work.GetSafetyBackup(), pb.Backup_BEFORE_RESTORE)
		return r.bringBackSound(ctx, k.work.GetBackup(), key)
	}
	if !k.touched(r) {
		return nil
	}
	return r.bringBack(ctx, record.BackupName(r.id, k.work.GetSafetyBackup()), undoOf(key))
}

// undoOf is the key of the way back.
func undoOf(key string) string { return "undo." + key }

// touched says whether the data may be another's: its backup was fetched, or, on
// the way back, that of before.
func (k restoreErrand) touched(r *run) bool {
	s, key := r.book.Stamp, r.book.Op.GetName()
	return ended(s, fetchID, key) || ended(s, fetchID, undoOf(key))
}

func (k restoreErrand) turnedBy(*run) *typev1.Failure { return k.work.GetFailure() }

func (k restoreErrand) turn(r *run, why *typev1.Failure) bool {
	if !k.touched(r) {
		r.forgetWhole()
	}
	if k.work.GetFailure() != nil || !r.begun() || !r.book.Stamp.GetClosed() && !k.touched(r) {
		return false
	}
	k.work.Failure = why
	return true
}

// inVain says where the data of before is when that could not be brought back.
func (k restoreErrand) inVain(r *run, f *typev1.Failure) *typev1.Failure {
	why, safety, key := k.work.GetFailure(), k.work.GetSafetyBackup(), undoOf(r.book.Op.GetName())
	if why == nil || !k.touched(r) || r.book.Stamp.GetRestored() == key {
		return f
	}
	where, next := "There is no backup of it.", failure.NextAction(typev1.Failure_BACKUP_INVALID)
	if ended(r.book.Stamp, keepID, safety) {
		where = "It is in the backup " + safety + "."
		next = fmt.Sprintf("Bring what was there before up as a new tenant: `stamp tenant create NEW --restore-from %s/%s`; then correct the blueprint's restore job, and restore again.", r.id, safety)
	}
	next += " Or open it on what data there is: `stamp tenant retry " + r.id + "`."
	return r.leaveHalf(why, f, "The data that was there before", where, next)
}

// bringBackSound is bringBack while nothing is touched yet: the backup is seen to
// be whole first.
func (r *run) bringBackSound(ctx context.Context, name, key string) error {
	err := r.bringBack(ctx, name, key)
	if err == nil {
		r.wish.Restore.Check = true
	}
	return err
}

// bringBack wishes for the data of a backup.
func (r *run) bringBack(ctx context.Context, name, key string) error {
	kept, err := r.keptBackup(ctx, name)
	if err != nil {
		return err
	}
	r.source = kept
	w := &RestoreWish{Key: key, Stopped: map[string]bool{}}
	msg := r.recipe.Message()
	for _, part := range r.wish.Parts {
		job := msg.GetComponents()[part.Name].GetRestore()
		if job == nil || !slices.Contains(kept.GetComponents(), part.Name) {
			continue
		}
		w.Components = append(w.Components, part.Name)
		w.Stopped[part.Name] = job.GetStopped()
	}
	if len(w.Components) == 0 {
		return r.unusable("The blueprint has no restore job for anything that the backup %s has.", name)
	}
	r.wish.Restore = w
	return nil
}

// keptBackup reads the record of a backup that is to be brought back.
func (r *run) keptBackup(ctx context.Context, name string) (*pb.Backup, error) {
	tenant, backup, err := record.ParseBackupName("backup", name)
	if err != nil {
		return nil, err
	}
	v, err := r.Store.Backups.Get(ctx, record.BackupID(tenant, backup))
	switch {
	case errors.Is(err, store.ErrNotFound) && r.asked.GetRecovery() != nil && tenant != r.id:
		return nil, failure.New(typev1.Failure_DRIVER_ERROR, "", fmt.Sprintf("There is no backup %s: its tenant is not taken over yet, or it was deleted.", name))
	case errors.Is(err, store.ErrNotFound), err == nil && v.Value.GetCreateTime() == nil:
		return nil, r.unusable("There is no backup %s.", name)
	case err != nil:
		return nil, err
	case record.CellID(v.Value.GetCell()) != r.Cell:
		return nil, r.unusable("The backup %s is in the repository of %s, which %s does not reach.", name, v.Value.GetCell(), record.CellName(r.Cell))
	}
	return v.Value, nil
}

// unusable is a backup that is no use here, whatever is done to its repository.
func (r *run) unusable(format string, args ...any) error {
	err := failure.New(typev1.Failure_BACKUP_INVALID, "", fmt.Sprintf(format, args...))
	err.Failure.NextAction = "Choose another backup."
	if r.beginsWith() != "" {
		err.Failure.NextAction = fmt.Sprintf("Nothing of the tenant is made, so let it begin with another backup: `stamp tenant update %s --restore-from TENANT/BACKUP`.", r.id)
	}
	return err
}

// beginsWith is the backup that a new tenant begins with; empty for none.
func (r *run) beginsWith() string {
	if lived(r.book.Stamp) {
		return ""
	}
	return r.tenant.GetRestoreFrom()
}

// begin wishes for the data that a new tenant begins with.
func (r *run) begin(ctx context.Context) error {
	name := r.beginsWith()
	b, err := r.keptBackup(ctx, name)
	if err != nil {
		return err
	}
	switch newer, same := Newer(b.GetRevision(), r.wish.Revision); {
	case !same:
		return r.unusable("The backup %s is of %s, and the tenant is to run %s.", name, b.GetRevision(), r.wish.Revision)
	case newer:
		err := failure.New(typev1.Failure_BACKUP_INVALID, "", fmt.Sprintf("The backup %s is of %s, which is newer than %s.", name, b.GetRevision(), r.wish.Revision))
		err.Failure.NextAction = fmt.Sprintf("Nothing of the tenant is made, so let it begin on a revision that reads the backup: `stamp tenant upgrade %s %s`, or a later one.", r.id, short(b.GetRevision()))
		return err
	}
	return r.bringBackSound(ctx, name, name)
}

// restore carries out a step of a restore.
func (r *run) restore(s Step) func(context.Context) result {
	keep, err := r.keeper()
	if err != nil {
		return func(context.Context) result { return result{err: err} }
	}
	ref, key, from := r.ref(), r.wish.Restore.Key, r.source
	tenant, backup, _ := record.ParseBackupName("backup", from.GetName()) // it was read by that name
	of := driver.BackupRef{Tenant: tenant, UID: from.GetTenantUid(), ID: backup, Digest: from.GetDigest()}
	switch s.ID {
	case checkID:
		return func(ctx context.Context) result {
			return doneFor(checkID, key, asFailure(keep.CheckBackup(ctx, of), typev1.Failure_RESTORE_FAILED))
		}
	case fetchID:
		remember := r.rememberWhole()
		return func(ctx context.Context) result {
			if err := remember(ctx); err != nil {
				return result{err: err}
			}
			return doneFor(fetchID, key, asFailure(keep.FetchBackup(ctx, ref, of), typev1.Failure_RESTORE_FAILED))
		}
	case finishID:
		return func(ctx context.Context) result {
			return result{err: keep.ClearBackup(ctx, ref), apply: func(r *run) error { r.restored(key, from); return nil }}
		}
	}
	m, uniqueID, spec := r.manifest(), r.jobID(s), r.forms.Real.Components[s.Component].Restore
	return func(ctx context.Context) result {
		return r.runJob(ctx, ref, m, uniqueID, s, spec, typev1.Failure_RESTORE_FAILED, key)
	}
}

// restored notes whose data there is now. It migrates, also from the present
// revision: what migrations make of inputs is the tenant's own. Only on the way
// back from an upgrade it is just what it was.
func (r *run) restored(key string, from *pb.Backup) {
	s := r.book.Stamp
	if s.Restored = key; !isUndo(key) {
		r.wholeAgain()
	}
	r.forgetWhole() // on the way back, too
	for _, part := range r.wish.Parts {
		switch job := id(part.Name, Migrate); {
		case !part.Migrate:
		case s.GetUpgrade() != nil:
			s.JobsDone[job] = from.GetRevision()
		default:
			delete(s.JobsDone, job)
		}
	}
	if u := s.GetUpgrade(); u != nil {
		u.Migrating, u.Restoring = false, false
	}
}
