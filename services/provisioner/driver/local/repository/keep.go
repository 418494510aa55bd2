package repository

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

// Source is the directory that is kept.
type Source struct {
	Dir string
	// User must own all that is in it.
	User int
	// Token is the fencing token of who keeps it, and Current says whether it
	// still is the highest; its error ends the call.
	Token int64
	// Note is kept beside it.
	Note    json.RawMessage
	Current func() error
}

// Keep copies the source and gives what is kept under that id. Calling twice is
// fine: what was kept first is given again.
func (r *Repository) Keep(ctx context.Context, of driver.BackupRef, from Source) (driver.Kept, error) {
	unlock, err := r.lock(ctx, of)
	if err != nil {
		return driver.Kept{}, err
	}
	defer unlock()
	known, err := r.read(of)
	if err == nil {
		return known.Kept, nil
	}
	if !errors.Is(err, driver.ErrBackupMissing) {
		return driver.Kept{}, kinded(of, fmt.Errorf("keep backup %q of %q: %w", of.ID, of.Tenant, err))
	}
	part, err := r.makePart(of, from.Token)
	if err != nil {
		return driver.Kept{}, err
	}
	r.at("made")
	kept, err := r.fill(ctx, part, of, from)
	if err == nil {
		err = from.Current()
	}
	if err == nil {
		r.at("written")
		err = r.publish(part, of)
	}
	if err != nil {
		if overtaken := from.Current(); overtaken != nil {
			err = overtaken // not what became of its part
		}
		return driver.Kept{}, errors.Join(err, os.RemoveAll(part))
	}
	return kept, nil
}

func (r *Repository) makePart(of driver.BackupRef, token int64) (string, error) {
	dir := r.tenant(of)
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		err = syncDir(r.dir)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("keep backup: %w", err)
	}
	if err := removeDropped(dir); err != nil {
		return "", err
	}
	return MakePart(dir, token)
}

// fill writes the whole backup into the part, onto the disk.
func (r *Repository) fill(ctx context.Context, part string, of driver.BackupRef, from Source) (driver.Kept, error) {
	if err := from.Current(); err != nil {
		return driver.Kept{}, err
	}
	files := filepath.Join(part, "files")
	if err := os.Mkdir(files, 0o700); err != nil {
		return driver.Kept{}, fmt.Errorf("keep backup: %w", err)
	}
	entries, err := copyTree(ctx, from.Dir, files, terms{from: from.User, to: KeepOwner, most: r.most, at: r.at})
	if err != nil {
		return driver.Kept{}, fmt.Errorf("keep backup: %w", err)
	}
	r.at("copied")
	kept := driver.KeptOf(entries)
	if kept.Files == 0 {
		return driver.Kept{}, errs.New(errs.FailedPrecondition, "BACKUP_EMPTY", "keep backup %q of %q: the job wrote no file into its backup directory", of.ID, of.Tenant)
	}
	m := manifest{Version: version, Tenant: of.Tenant, UID: of.UID, ID: of.ID, Kept: kept, Entries: entries, Note: from.Note}
	if err := m.write(part); err != nil {
		return driver.Kept{}, fmt.Errorf("keep backup: %w", err)
	}
	return kept, syncDir(part)
}

// publish gives the part its name: from here on the backup is kept.
func (r *Repository) publish(part string, of driver.BackupRef) error {
	if err := os.Rename(part, r.path(of)); err != nil {
		return fmt.Errorf("keep backup: %w", err)
	}
	r.at("renamed")
	return syncDir(r.tenant(of))
}
