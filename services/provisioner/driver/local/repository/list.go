package repository

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"stampworks.dev/services/provisioner/driver"
)

// List gives the backups that are kept of a tenant, and what was imported for it.
// One whose manifest cannot be read is left out: it could not be brought back
// either.
func (r *Repository) List(ctx context.Context, tenant, uid string) ([]driver.KeptBackup, error) {
	uids := []string{uid}
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return nil, fmt.Errorf("list backups of %q: %w", tenant, err)
	}
	for _, entry := range entries {
		if whose, its := strings.CutPrefix(entry.Name(), tenant+"."); its && strings.HasPrefix(whose, driver.ImportUID) {
			uids = append(uids, whose)
		}
	}
	var all []driver.KeptBackup
	for _, whose := range uids {
		some, err := r.listOf(ctx, driver.BackupRef{Tenant: tenant, UID: whose})
		if err != nil {
			return nil, fmt.Errorf("list backups of %q: %w", tenant, err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// listOf gives those of one uid.
func (r *Repository) listOf(ctx context.Context, of driver.BackupRef) ([]driver.KeptBackup, error) {
	unlock, err := r.lock(ctx, of)
	if err != nil {
		return nil, err
	}
	defer unlock()
	entries, err := os.ReadDir(r.tenant(of))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []driver.KeptBackup
	for _, entry := range entries {
		if of.ID = entry.Name(); of.Check() != nil {
			continue // work in progress
		}
		m, err := r.read(of)
		if errors.Is(err, driver.ErrBackupDamaged) || errors.Is(err, driver.ErrBackupMissing) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var note bytes.Buffer // as it was given, without the manifest's indents
		if err := json.Compact(&note, m.Note); err != nil && m.Note != nil {
			return nil, fmt.Errorf("note of %q: %w", of.ID, err)
		}
		all = append(all, driver.KeptBackup{UID: of.UID, ID: of.ID, Kept: m.Kept, Note: note.Bytes()})
	}
	return all, nil
}
