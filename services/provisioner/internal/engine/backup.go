package engine

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/render"
)

// backupErrand is the kind of a backup that was asked for: everything goes on
// meanwhile.
type backupErrand struct {
	errand
	work *pb.Errand_MakeBackup
}

func (k backupErrand) traits() traits {
	return traits{
		errand: true, code: typev1.Failure_BACKUP_FAILED, ofData: true, harmless: true,
		asked: "A backup was asked for", succeeded: "The backup " + k.work.GetBackup() + " is kept",
	}
}

func (k backupErrand) wish(_ context.Context, r *run) error {
	r.wish.Backup = r.backupOf(k.work.GetBackup(), k.work.GetReason())
	r.wish.Backup.Hot = true
	return nil
}

// backupOf is the backup of all components that have a job for it; it goes by
// the ledger, which has the jobs of what runs.
func (r *run) backupOf(backup string, why pb.Backup_Reason) *BackupWish {
	w := &BackupWish{ID: backup, Reason: why}
	for _, c := range r.book.Stamp.GetComponents() {
		form, err := render.KeptForm(entry(r.book.Stamp, kindComponent, c.GetName()), nil)
		if err == nil && form.Component.Backup != nil {
			w.Components = append(w.Components, c.GetName())
		}
	}
	return w
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

// backupJob runs a backup job as the ledger has it: that of what runs.
func (r *run) backupJob(s Step, key string) func(context.Context) result {
	form, err := render.KeptForm(entry(r.book.Stamp, kindComponent, s.Component), r.vault)
	m, ref, uniqueID := r.keptManifest(s.Component), r.ref(), r.jobID(s)
	return func(ctx context.Context) result {
		if err != nil {
			return result{err: err}
		}
		return r.runJob(ctx, ref, m, uniqueID, s, form.Component.Backup, typev1.Failure_BACKUP_FAILED, key)
	}
}

// keepBackup moves what the jobs wrote into the repository. Its record is there
// before, without a time, and complete after.
func (r *run) keepBackup(keep driver.Keeper, ref driver.Ref, key string) func(context.Context) result {
	b := &pb.Backup{
		Name: record.BackupName(r.id, key), TenantUid: ref.UID, Reason: r.wish.Backup.Reason, Revision: r.book.Stamp.GetRevision(),
		Components: r.wish.Backup.Components, Cell: record.CellName(r.Cell),
	}
	guard, prune := r.claim.Guard(), r.prune(keep)
	return func(ctx context.Context) result {
		at := record.BackupID(ref.Tenant, key)
		if _, err := r.Store.Backups.Create(ctx, at, b, guard); err != nil && !errors.Is(err, store.ErrExists) {
			return result{err: fmt.Errorf("note backup %q: %w", at, err)}
		}
		noted := proto.CloneOf(b)
		noted.CreateTime = timestamppb.Now()
		note, err := NoteOf(noted)
		if err != nil {
			return result{err: err}
		}
		kept, err := keep.KeepBackup(ctx, ref, key, note)
		if err != nil {
			return result{err: asFailure(err, typev1.Failure_BACKUP_FAILED)}
		}
		b := proto.CloneOf(b)
		b.CreateTime, b.SizeBytes, b.Digest, b.Files = noted.GetCreateTime(), kept.SizeBytes, kept.Digest, int32(kept.Files)
		if _, err := r.Store.Backups.Update(ctx, at, func(into *pb.Backup) error { proto.Reset(into); proto.Merge(into, b); return nil }, guard); err != nil {
			return result{err: fmt.Errorf("note backup %q: %w", at, err)}
		}
		prune(ctx, b)
		out := doneFor(keepID, key, keep.ClearBackup(ctx, ref))
		done := out.apply
		out.apply = func(r *run) error {
			r.book.Stamp.LastBackupTime = b.GetCreateTime()
			r.stored = append(r.stored, kindBackup+key) // of a stamp that is destroyed, the receipt names it
			return done(r)
		}
		out.message = fmt.Sprintf("%s, %d files, %d bytes", key, kept.Files, kept.SizeBytes)
		return out
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
	return failure.From(code, "", err)
}
