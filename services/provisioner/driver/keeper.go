package driver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Keeper is the extra of drivers that keep backups outside of the stamps. A
// backup is made by a job that writes into [Site.Backup], and brought back by
// one that reads there; these verbs are what comes before and after. All are
// idempotent, like those of [Driver], and those with a Ref refuse a stale token.
type Keeper interface {
	// ClearBackup empties the stamp's backup directory, or makes it, so that
	// only the stamp can use it: before a backup, before a restore, and after.
	// Calling twice is fine.
	ClearBackup(ctx context.Context, ref Ref) error

	// KeepBackup copies what is in the backup directory into the repository,
	// all of it or, after a crash, nothing. Calling twice is fine: the same id
	// gives what was kept first, whatever the directory has by then. Without a
	// file in it there is no backup: an error of kind FailedPrecondition. The note
	// is kept beside it, for whoever finds the backup and nothing else.
	KeepBackup(ctx context.Context, ref Ref, id string, note json.RawMessage) (Kept, error)

	// FetchBackup makes the backup directory have what a kept backup has, and
	// nothing else. The backup may be another stamp's, and that stamp gone. One
	// that is not as it was kept is ErrBackupDamaged and one that is not there
	// is ErrBackupMissing; the directory is left as it was then. Calling twice
	// is fine.
	FetchBackup(ctx context.Context, ref Ref, from BackupRef) error

	// CheckBackup reads all of a kept backup and changes nothing: one that
	// FetchBackup would refuse is refused with the same errors. It needs no stamp,
	// so no token guards it.
	CheckBackup(ctx context.Context, of BackupRef) error

	// DropBackup removes a kept backup. Calling twice is fine, and so is one
	// that never was. No token guards it: ids are not used again.
	DropBackup(ctx context.Context, of BackupRef) error
}

// ErrBackupMissing says that no such backup is kept. ErrBackupDamaged says that
// it is not what was kept: its digest differs.
var (
	ErrBackupMissing = errors.New("the backup is not in the repository")
	ErrBackupDamaged = errors.New("the backup in the repository is damaged")
)

// BackupRef names a kept backup.
type BackupRef struct {
	Tenant string
	UID    string
	ID     string
	// Digest is what KeepBackup said; only FetchBackup and CheckBackup look at it.
	Digest string
}

// Check refuses a reference whose parts could not be one path element.
func (b BackupRef) Check() error {
	if err := (Ref{Tenant: b.Tenant, UID: b.UID}).Check(); err != nil {
		return err
	}
	if !fileName.MatchString(b.ID) {
		return fmt.Errorf("check backup %.80q: want 1 to 128 of [A-Za-z0-9._-], not beginning with . or -", b.ID)
	}
	return nil
}

// Kept is a backup in the repository.
type Kept struct {
	// SizeBytes is what its files hold, Files how many there are.
	SizeBytes int64 `json:"size_bytes"`
	Files     int   `json:"files"`
	// Digest is "sha256:" and hex, over the names, sizes and contents of all.
	Digest string `json:"digest"`
}

// BackupFile is one file or directory of a backup.
type BackupFile struct {
	// Path is relative, with slashes; a directory's ends with one.
	Path string `json:"path"`
	Size int64  `json:"size"`
	// SHA256 is of the content, hex; a directory has none.
	SHA256 string `json:"sha256,omitempty"`
}

// IsDir tells a directory.
func (f BackupFile) IsDir() bool { return f.SHA256 == "" }

// KeptOf sums files up. Their order does not matter; paths hold no NUL.
func KeptOf(files []BackupFile) Kept {
	sorted := slices.Clone(files)
	slices.SortFunc(sorted, func(a, b BackupFile) int { return cmp.Compare(a.Path, b.Path) })
	var k Kept
	sum := sha256.New()
	for _, f := range sorted {
		_, _ = fmt.Fprintf(sum, "%s %d %s\x00", f.SHA256, f.Size, f.Path) // a hash takes it
		if !f.IsDir() {
			k.Files, k.SizeBytes = k.Files+1, k.SizeBytes+f.Size
		}
	}
	k.Digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	return k
}
