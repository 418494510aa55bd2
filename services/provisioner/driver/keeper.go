package driver

import (
	"context"
	"errors"
)

// Keeper is the extra of drivers that keep backups outside of the stamps.
type Keeper interface {
	// ClearBackup empties the stamp's backup directory, before and after a
	// backup or a restore.
	ClearBackup(ctx context.Context, ref Ref) error

	// KeepBackup copies what is in the backup directory into the repository. The
	// same id again gives what was kept.
	KeepBackup(ctx context.Context, ref Ref, id string) (Kept, error)

	// FetchBackup checks a kept backup, perhaps of another tenant, and puts it
	// into the stamp's backup directory. ErrBackupMissing, ErrBackupDamaged.
	FetchBackup(ctx context.Context, ref Ref, from BackupRef) error

	// DropBackup removes a kept backup. One that is not there is fine.
	DropBackup(ctx context.Context, of BackupRef) error
}

// ErrBackupMissing and ErrBackupDamaged say what is wrong with a kept backup.
var (
	ErrBackupMissing = errors.New("backup is not in the repository")
	ErrBackupDamaged = errors.New("backup is not what was kept")
)

// Kept is what the repository says of a backup.
type Kept struct {
	SizeBytes int64
	Digest    string
	Files     int
}

// BackupRef names a kept backup.
type BackupRef struct {
	Tenant, UID, ID string
	// Digest is what it must have; empty is not checked.
	Digest string
}
