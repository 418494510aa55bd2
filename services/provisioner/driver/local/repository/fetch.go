package repository

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

// Fetch copies a kept backup into an empty directory that only this user can
// reach, and gives what is in it to that user (or [KeepOwner]). On any error the directory has
// to be thrown away.
func (r *Repository) Fetch(ctx context.Context, of driver.BackupRef, into string, user int) error {
	return r.sound(ctx, "fetch", of, func(files string, o terms) ([]driver.BackupFile, error) {
		o.to = user
		return copyTree(ctx, files, into, o)
	})
}

// Check reads a kept backup as Fetch does, and copies nothing.
func (r *Repository) Check(ctx context.Context, of driver.BackupRef) error {
	return r.sound(ctx, "check", of, func(files string, o terms) ([]driver.BackupFile, error) {
		return readTree(ctx, files, o)
	})
}

// sound lets a backup's files be gone through, and refuses what is not as it was
// kept.
func (r *Repository) sound(ctx context.Context, verb string, of driver.BackupRef, through func(files string, o terms) ([]driver.BackupFile, error)) error {
	unlock, err := r.lock(ctx, of)
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.compare(of, through); err != nil {
		return kinded(of, fmt.Errorf("%s backup %q of %q: %w", verb, of.ID, of.Tenant, err))
	}
	return nil
}

func (r *Repository) compare(of driver.BackupRef, through func(files string, o terms) ([]driver.BackupFile, error)) error {
	m, err := r.read(of)
	if err != nil {
		return err
	}
	entries, err := through(filepath.Join(r.path(of), "files"), terms{from: anyOwner, to: KeepOwner, most: r.most, at: r.at})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) || errs.ReasonOf(err) == reasonRefused {
		return fmt.Errorf("%w: %w", driver.ErrBackupDamaged, err)
	}
	if err != nil {
		return err
	}
	if got := driver.KeptOf(entries).Digest; got != of.Digest {
		return fmt.Errorf("%w: its digest is %s, not %s%s", driver.ErrBackupDamaged, got, cmp.Or(of.Digest, "empty"), differing(m.Entries, entries))
	}
	return nil
}

// differing names the first file that is not as the manifest has it.
func differing(kept, found []driver.BackupFile) string {
	by := make(map[string]driver.BackupFile, len(found))
	for _, f := range found {
		by[f.Path] = f
	}
	for _, f := range kept {
		got, there := by[f.Path]
		switch {
		case !there:
			return fmt.Sprintf("; %q is missing", f.Path)
		case got != f:
			return fmt.Sprintf("; the content of %q differs", f.Path)
		}
		delete(by, f.Path)
	}
	for path := range by {
		return fmt.Sprintf("; %q was not in it", path)
	}
	return ""
}

func kinded(of driver.BackupRef, err error) error {
	switch {
	case errors.Is(err, driver.ErrBackupMissing):
		return errs.New(errs.NotFound, "BACKUP_MISSING", "%w", err).With("backup", of.ID)
	case errors.Is(err, driver.ErrBackupDamaged):
		return errs.New(errs.FailedPrecondition, "BACKUP_DAMAGED", "%w", err).With("backup", of.ID)
	}
	return err
}
