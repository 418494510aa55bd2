package repository

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// version of the manifest.
const version = 1

// Repository is a directory of backups. Safe for concurrent use.
type Repository struct {
	dir   string
	most  int // files and directories of one backup
	locks Locks
	// at is told how far Keep and Drop have come; tests end them there.
	at func(point string)
}

// manifest is what is written beside a backup's files.
type manifest struct {
	Version int    `json:"version"`
	Tenant  string `json:"tenant"`
	UID     string `json:"uid"`
	ID      string `json:"id"`
	driver.Kept

	Note    json.RawMessage     `json:"note,omitempty"`
	Entries []driver.BackupFile `json:"entries"`
}

// Open opens the repository, and makes its directory when there is none. One
// that others can look into is refused: customers' data would lie open.
func Open(dir string) (*Repository, error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o711); err != nil {
		return nil, fmt.Errorf("open backup directory: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("open backup directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("open backup directory: %w", err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || info.Mode().Perm()&0o077 != 0 || ok && int(stat.Uid) != os.Geteuid() {
		return nil, fmt.Errorf("open backup directory %s: it must be a directory of this user (%d) with mode 0700, so that nobody else can read customers' data", dir, os.Geteuid())
	}
	return &Repository{dir: dir, most: maxEntries, at: func(string) {}}, nil
}

func (r *Repository) tenant(of driver.BackupRef) string {
	return filepath.Join(r.dir, of.Tenant+"."+of.UID)
}

func (r *Repository) path(of driver.BackupRef) string { return filepath.Join(r.tenant(of), of.ID) }

// lock lets one call at a time change or read a tenant's backups.
func (r *Repository) lock(ctx context.Context, of driver.BackupRef) (func(), error) {
	return r.locks.Lock(ctx, r.tenant(of))
}

// read gives a kept backup's manifest.
func (r *Repository) read(of driver.BackupRef) (manifest, error) {
	var m manifest
	if _, err := os.Lstat(r.path(of)); errors.Is(err, fs.ErrNotExist) {
		return m, driver.ErrBackupMissing
	}
	text, err := readPlain(filepath.Join(r.path(of), "manifest.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%w: it has no manifest.json", driver.ErrBackupDamaged)
	}
	if err != nil {
		return m, fmt.Errorf("read backup: %w", err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%w: manifest.json: %w", driver.ErrBackupDamaged, err)
	}
	if m.Version > version {
		return m, fmt.Errorf("read backup: version %d of its manifest is newer than this program", m.Version)
	}
	return m, nil
}

// readPlain does not wait for who writes to a pipe, and follows no link.
func readPlain(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%w: manifest.json is a link", driver.ErrBackupDamaged)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%w: manifest.json is no plain file", driver.ErrBackupDamaged), err)
	}
	return io.ReadAll(f)
}

func (m manifest) write(dir string) error {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return fmt.Errorf("encode manifest: %w", err)
	}
	return layout.WriteDurable(filepath.Join(dir, "manifest.json"), append(text, '\n'), 0o600)
}

// syncDir makes what was made, renamed or removed in a directory last.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}
