package memory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

var _ driver.Keeper = (*Driver)(nil)

// backup is one that is kept.
type backup struct {
	driver.Kept
	files map[string]string
	note  json.RawMessage
}

func keyOf(of driver.BackupRef) string { return of.Tenant + "." + of.UID + "/" + of.ID }

// ClearBackup empties the stamp's backup directory on the Disk.
func (d *Driver) ClearBackup(ctx context.Context, ref driver.Ref) error {
	return d.useBackup(ctx, Call{Verb: "ClearBackup", Ref: ref}, func(s *stamp) error {
		d.cfg.Disk.Replace(s.site.Backup, nil)
		return nil
	})
}

// KeepBackup keeps what the backup directory has on the Disk.
func (d *Driver) KeepBackup(ctx context.Context, ref driver.Ref, id string, note json.RawMessage) (driver.Kept, error) {
	of := driver.BackupRef{Tenant: ref.Tenant, UID: ref.UID, ID: id}
	if err := of.Check(); err != nil {
		return driver.Kept{}, errs.New(errs.InvalidArgument, "NAME_INVALID", "%w", err)
	}
	var kept driver.Kept
	err := d.useBackup(ctx, Call{Verb: "KeepBackup", Ref: ref, Backup: id}, func(s *stamp) error {
		if known, has := d.cell.kept[keyOf(of)]; has {
			kept = known.Kept
			return nil
		}
		files := d.cfg.Disk.Files(s.site.Backup)
		if len(files) == 0 {
			return errs.New(errs.FailedPrecondition, "BACKUP_EMPTY", "keep backup %q of %q: the job wrote no file into its backup directory", id, ref.Tenant)
		}
		kept = sumUp(files)
		d.cell.kept[keyOf(of)] = backup{Kept: kept, files: files, note: note}
		return nil
	})
	return kept, err
}

// FetchBackup puts a kept backup into the backup directory on the Disk.
func (d *Driver) FetchBackup(ctx context.Context, ref driver.Ref, from driver.BackupRef) error {
	if err := from.Check(); err != nil {
		return errs.New(errs.InvalidArgument, "NAME_INVALID", "%w", err)
	}
	return d.useBackup(ctx, Call{Verb: "FetchBackup", Ref: ref, Backup: from.ID}, func(s *stamp) error {
		b, err := d.cell.sound(from)
		if err != nil {
			return fmt.Errorf("fetch backup: %w", err)
		}
		d.cfg.Disk.Replace(s.site.Backup, b.files)
		return nil
	})
}

// CheckBackup sums up a kept backup.
func (d *Driver) CheckBackup(ctx context.Context, of driver.BackupRef) error {
	if err := of.Check(); err != nil {
		return errs.New(errs.InvalidArgument, "NAME_INVALID", "%w", err)
	}
	if err := d.begin(ctx, Call{Verb: "CheckBackup", Ref: driver.Ref{Tenant: of.Tenant, UID: of.UID}, Backup: of.ID}); err != nil {
		return err
	}
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	if _, err := d.cell.sound(of); err != nil {
		return fmt.Errorf("check backup: %w", err)
	}
	return nil
}

// DropBackup forgets a kept backup.
func (d *Driver) DropBackup(ctx context.Context, of driver.BackupRef) error {
	if err := of.Check(); err != nil {
		return errs.New(errs.InvalidArgument, "NAME_INVALID", "%w", err)
	}
	if err := d.begin(ctx, Call{Verb: "DropBackup", Ref: driver.Ref{Tenant: of.Tenant, UID: of.UID}, Backup: of.ID}); err != nil {
		return err
	}
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	delete(d.cell.kept, keyOf(of))
	return nil
}

// Backups lists what is kept, as "tenant.uid/id".
func (d *Driver) Backups() map[string]driver.Kept {
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	all := map[string]driver.Kept{}
	for name, b := range d.cell.kept {
		all[name] = b.Kept
	}
	return all
}

// Damage changes a byte of a kept backup, as a bad disk would. False when
// there is none.
func (d *Driver) Damage(of driver.BackupRef) bool {
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	b, has := d.cell.kept[keyOf(of)]
	if !has {
		return false
	}
	b.files = maps.Clone(b.files)
	for name := range b.files {
		b.files[name] += "\x00"
		break
	}
	d.cell.kept[keyOf(of)] = b
	return true
}

// useBackup runs a verb with the stamp's claim.
func (d *Driver) useBackup(ctx context.Context, c Call, verb func(*stamp) error) error {
	if err := d.begin(ctx, c); err != nil {
		return err
	}
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	s, err := d.cell.claim(c.Ref)
	if err != nil {
		return fmt.Errorf("use backups of %q: %w", c.Ref.Tenant, err)
	}
	return verb(s)
}

// sound gives a kept backup that is as it was kept.
func (c *cell) sound(of driver.BackupRef) (backup, error) {
	b, has := c.kept[keyOf(of)]
	if !has {
		return b, errs.New(errs.NotFound, "BACKUP_MISSING", "%q of %q: %w", of.ID, of.Tenant, driver.ErrBackupMissing)
	}
	if sumUp(b.files).Digest != of.Digest {
		return b, errs.New(errs.FailedPrecondition, "BACKUP_DAMAGED", "%q of %q: %w", of.ID, of.Tenant, driver.ErrBackupDamaged)
	}
	return b, nil
}

func sumUp(files map[string]string) driver.Kept {
	var list []driver.BackupFile
	for name, text := range files {
		sum := sha256.Sum256([]byte(text))
		list = append(list, driver.BackupFile{Path: name, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])})
	}
	return driver.KeptOf(list)
}
