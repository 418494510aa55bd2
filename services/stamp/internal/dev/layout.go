package dev

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"stampworks.dev/services/stamp/internal/exit"
)

// layout is where `stamp dev` keeps things below its data folder.
type layout struct{ dir string }

func (l layout) etcd() string            { return filepath.Join(l.dir, "etcd") }
func (l layout) pki() string             { return filepath.Join(l.dir, "pki") }
func (l layout) service(n string) string { return filepath.Join(l.dir, "services", n) }
func (l layout) provisioner() string     { return filepath.Join(l.dir, "provisioner") }
func (l layout) cell() string            { return filepath.Join(l.provisioner(), "cell") }
func (l layout) tokens() string          { return filepath.Join(l.dir, "tokens") }
func (l layout) log() string             { return filepath.Join(l.dir, "stampworks.log") }
func (l layout) lock() string            { return filepath.Join(l.dir, "lock") }

// prepare makes the data folder and locks it. Stamps live below it as users of
// their own, so others may pass through it, but not look.
func (l layout) prepare() (unlock func(), err error) {
	if err := os.MkdirAll(l.dir, 0o711); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	if err := os.Chmod(l.dir, 0o711); err != nil {
		return nil, fmt.Errorf("open data folder: %w", err)
	}
	for _, private := range []string{l.etcd(), l.pki(), filepath.Join(l.dir, "services")} {
		if err := os.MkdirAll(private, 0o700); err != nil {
			return nil, fmt.Errorf("make data folder: %w", err)
		}
	}
	return l.hold(os.O_CREATE, fmt.Sprintf("another stamp dev runs on %s", l.dir), "stop it, or choose another folder with --data-dir")
}

// hold locks the data folder. Where another process holds it already, what is
// so and what to do next are told.
func (l layout) hold(create int, taken, next string) (unlock func(), err error) {
	lock, err := os.OpenFile(l.lock(), create|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, &exit.Error{Code: exit.Conflict, Message: taken, Next: next}
		}
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	return func() { _ = lock.Close() }, nil
}
