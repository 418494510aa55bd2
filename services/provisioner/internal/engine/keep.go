package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/render"
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

// backupOf is the backup of all components that have a job for it; it goes by
// the ledger, which has the jobs of what runs.
func (r *run) backupOf(backup string, hot bool) *BackupWish {
	w := &BackupWish{ID: backup, Hot: hot}
	for _, c := range r.book.Stamp.GetComponents() {
		form, err := render.KeptForm(entry(r.book.Stamp, kindComponent, c.GetName()), nil)
		if err == nil && form.Component.Backup != nil {
			w.Components = append(w.Components, c.GetName())
		}
	}
	return w
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
		return failure.New(typev1.Failure_BACKUP_INVALID, "", fmt.Sprintf("The blueprint has no restore job for anything that the backup %s has.", name))
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
	case errors.Is(err, store.ErrNotFound), err == nil && v.Value.GetCreateTime() == nil:
		return nil, failure.New(typev1.Failure_BACKUP_INVALID, "", fmt.Sprintf("There is no backup %s.", name))
	case err != nil:
		return nil, err
	case record.CellID(v.Value.GetCell()) != r.Cell:
		return nil, failure.New(typev1.Failure_BACKUP_INVALID, "",
			fmt.Sprintf("The backup %s is in the repository of %s, which %s does not reach.", name, v.Value.GetCell(), record.CellName(r.Cell)))
	}
	return v.Value, nil
}

// keeper is the driver's repository.
func (r *run) keeper() (driver.Keeper, error) {
	k, ok := r.driver.(driver.Keeper)
	if !ok {
		return nil, failure.New(typev1.Failure_BACKUP_FAILED, "", "This kind of cell keeps no backups.")
	}
	return k, nil
}

// backup carries out a step of a backup.
func (r *run) backup(s Step) func(context.Context) result {
	keep, err := r.keeper()
	ref, key := r.ref(), r.wish.Backup.ID
	if err != nil {
		return func(context.Context) result { return result{err: err} }
	}
	switch s.ID {
	case prepareID:
		return func(ctx context.Context) result { return doneFor(s.ID, key, keep.ClearBackup(ctx, ref)) }
	case keepID:
		return r.keepBackup(keep, ref, key)
	}
	return r.backupJob(s, key)
}

// doneFor is the result of a step that is done once for each key.
func doneFor(stepID, key string, err error) result {
	return result{err: err, apply: func(r *run) error { r.book.Stamp.JobsDone[stepID] = key; return nil }}
}

// backupJob runs a backup job as the ledger has it: that of what runs.
func (r *run) backupJob(s Step, key string) func(context.Context) result {
	form, err := render.KeptForm(entry(r.book.Stamp, kindComponent, s.Component), r.vault)
	m, ref, uniqueID := r.keptManifest(), r.ref(), r.jobID(s)
	return func(ctx context.Context) result {
		if err != nil {
			return result{err: err}
		}
		return r.runJob(ctx, ref, m, uniqueID, s, form.Component.Backup, typev1.Failure_BACKUP_FAILED, key)
	}
}

// runJob runs a job that is done once for each key.
func (r *run) runJob(ctx context.Context, ref driver.Ref, m driver.Manifest, uniqueID string, s Step, spec *blueprint.Job, code typev1.Failure_Code, key string) result {
	job := driver.Job{ID: uniqueID, Component: s.Component, Command: spec.Command, Env: jobEnv(ctx, m, s.Component, spec), Timeout: spec.Timeout}
	res, err := r.driver.RunJob(ctx, ref, m, job)
	if err == nil {
		err = jobFailure(code, s.Component, string(s.Action), spec, res)
	}
	out := doneFor(s.ID, key, err)
	out.message = "took " + res.Duration.Round(10*time.Millisecond).String()
	return out
}

// keepBackup moves what the jobs wrote into the repository. Its record is there
// before, without a time, and complete after.
func (r *run) keepBackup(keep driver.Keeper, ref driver.Ref, key string) func(context.Context) result {
	b := &pb.Backup{
		Name: record.BackupName(r.id, key), TenantUid: ref.UID, Reason: r.backupReason(), Revision: r.book.Stamp.GetRevision(),
		Components: r.wish.Backup.Components, Cell: record.CellName(r.Cell),
	}
	guard, prune := r.claim.Guard(), r.prune(keep)
	return func(ctx context.Context) result {
		at := record.BackupID(ref.Tenant, key)
		if _, err := r.Store.Backups.Create(ctx, at, b, guard); err != nil && !errors.Is(err, store.ErrExists) {
			return result{err: fmt.Errorf("note backup %q: %w", at, err)}
		}
		kept, err := keep.KeepBackup(ctx, ref, key)
		if err != nil {
			return result{err: asFailure(err, typev1.Failure_BACKUP_FAILED)}
		}
		b := proto.CloneOf(b)
		b.CreateTime, b.SizeBytes, b.Digest, b.Files = timestamppb.Now(), kept.SizeBytes, kept.Digest, int32(kept.Files)
		if _, err := r.Store.Backups.Update(ctx, at, func(into *pb.Backup) error { proto.Reset(into); proto.Merge(into, b); return nil }, guard); err != nil {
			return result{err: fmt.Errorf("note backup %q: %w", at, err)}
		}
		prune(ctx, b)
		out := doneFor(keepID, key, keep.ClearBackup(ctx, ref))
		noted := out.apply
		out.apply = func(r *run) error { r.book.Stamp.LastBackupTime = b.GetCreateTime(); return noted(r) }
		out.message = fmt.Sprintf("%s, %d files, %d bytes", key, kept.Files, kept.SizeBytes)
		return out
	}
}

// backupReason is why this run makes a backup.
func (r *run) backupReason() pb.Backup_Reason {
	switch e := r.errand(); {
	case e.GetMakeBackup() != nil:
		return e.GetMakeBackup().GetReason()
	case e.GetRestoreBackup() != nil:
		return pb.Backup_BEFORE_RESTORE
	case r.wish.Lifecycle == pb.Stamp_STOPPED:
		return pb.Backup_FINAL
	}
	return pb.Backup_BEFORE_UPGRADE
}

// restore carries out a step of a restore.
func (r *run) restore(s Step) func(context.Context) result {
	keep, err := r.keeper()
	if err != nil {
		return func(context.Context) result { return result{err: err} }
	}
	ref, key, from := r.ref(), r.wish.Restore.Key, r.source
	switch s.ID {
	case fetchID:
		tenant, backup, _ := record.ParseBackupName("backup", from.GetName()) // it was read by that name
		of := driver.BackupRef{Tenant: tenant, UID: from.GetTenantUid(), ID: backup, Digest: from.GetDigest()}
		return func(ctx context.Context) result {
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
	s.Restored = key
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

// asFailure gives what went wrong with a kept backup its code, and anything
// else that has none this one.
func asFailure(err error, code typev1.Failure_Code) error {
	var own *failure.Error
	switch {
	case err == nil, errors.As(err, &own), errors.Is(err, driver.ErrStaleToken), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, driver.ErrBackupMissing), errors.Is(err, driver.ErrBackupDamaged):
		return failure.New(typev1.Failure_BACKUP_INVALID, "", fmt.Sprintf("The backup cannot be used: %v.", err))
	}
	if known := failure.Of(err, ""); known.GetCode() != typev1.Failure_DRIVER_ERROR {
		return err
	}
	return failure.New(code, "", err.Error())
}

func lastSlash(s string) int { return strings.LastIndexByte(s, '/') }
