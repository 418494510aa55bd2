package claim

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	clientv3 "go.etcd.io/etcd/client/v3"

	"stampworks.dev/pkg/errs"
)

// dataDir is the part of a replica that outlives its process. The zero value
// keeps nothing.
type dataDir struct {
	path string
	lock *os.File
}

// openDataDir locks the directory, making it if need be. The kernel drops the
// lock when the process ends, however it ends.
func openDataDir(path string) (*dataDir, error) {
	if path == "" {
		return &dataDir{}, nil
	}
	if err := os.MkdirAll(path, 0o711); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "replica.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return &dataDir{path: path, lock: lock}, nil
	}
	_ = lock.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errs.New(errs.FailedPrecondition, "DATA_DIR_IN_USE", "another replica runs on data directory %q", path)
	}
	return nil, fmt.Errorf("lock data directory %q: %w", path, err)
}

func (d *dataDir) close() error {
	if d.lock == nil {
		return nil
	}
	return d.lock.Close()
}

// lease is the one that was kept last; NoLease when there is none.
func (d *dataDir) lease() (clientv3.LeaseID, error) {
	if d.path == "" {
		return clientv3.NoLease, nil
	}
	raw, err := os.ReadFile(filepath.Join(d.path, "lease"))
	if errors.Is(err, fs.ErrNotExist) {
		return clientv3.NoLease, nil
	}
	if err != nil {
		return clientv3.NoLease, fmt.Errorf("read lease: %w", err)
	}
	id, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 16, 64)
	if err != nil { // cut short by a crash of the machine: it ends by itself
		return clientv3.NoLease, nil
	}
	return clientv3.LeaseID(id), nil
}

// keep writes the lease down, before anything is put under it.
func (d *dataDir) keep(id clientv3.LeaseID) error {
	if d.path == "" {
		return nil
	}
	name := filepath.Join(d.path, "lease")
	if err := os.WriteFile(name+".new", []byte(strconv.FormatInt(int64(id), 16)+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep lease: %w", err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("keep lease: %w", err)
	}
	return nil
}
