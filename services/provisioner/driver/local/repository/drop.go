package repository

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"stampworks.dev/services/provisioner/driver"
)

// dropped begins the names of what is being removed.
const dropped = ".drop-"

// Drop removes a kept backup. One that is not there is fine.
func (r *Repository) Drop(ctx context.Context, of driver.BackupRef) error {
	unlock, err := r.lock(ctx, of)
	if err != nil {
		return err
	}
	defer unlock()
	dir := r.tenant(of)
	// Renamed first: half of a backup must not look like one.
	err = os.Rename(r.path(of), filepath.Join(dir, dropped+of.ID))
	if errors.Is(err, fs.ErrExist) { // an earlier Drop of an id that was used again
		err = errors.Join(removeDropped(dir), os.Rename(r.path(of), filepath.Join(dir, dropped+of.ID)))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("drop backup: %w", err)
	}
	r.at("dropping")
	if err := errors.Join(removeDropped(dir), removeParts(dir, importToken)); err != nil {
		return err
	}
	if os.Remove(dir) == nil { // it stays while there are others
		dir = r.dir
	}
	if err := syncDir(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil // there never was one
}
