package flock_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver/local/flock"
)

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := flock.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// TestTakeEnds: who holds a lock and never gives it back does not keep the
// others for ever, nor longer than their context lasts.
func TestTakeEnds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	holder, other := open(t, path), open(t, path)
	if err := flock.Take(t.Context(), holder); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := flock.Take(t.Context(), other); errs.ReasonOf(err) != "HOST_BUSY" || !errs.Is(err, errs.Unavailable) || time.Since(began) > flock.Within+time.Second {
			t.Errorf("a held lock after %s = %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := flock.Take(ctx, other); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a held lock, past the context = %v", err)
		}
		freed := time.AfterFunc(time.Second, func() { _ = holder.Close() })
		defer freed.Stop()
		if err := flock.Take(t.Context(), other); err != nil {
			t.Errorf("a lock that was given back = %v", err)
		}
	})
}

// TestOthersFilesAreRefused: a lock that somebody else can open, somebody else
// can hold.
func TestOthersFilesAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	open(t, at("good"))
	for name, put := range map[string]func(path string) error{
		"link":     func(path string) error { return os.Symlink(at("good"), path) },
		"readable": func(path string) error { return errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o604)) },
		"dir":      func(path string) error { return os.Mkdir(path, 0o700) },
		"foreign": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Chown(path, 300000, 300000))
		},
	} {
		if err := put(at(name)); err != nil {
			t.Logf("%s: %v", name, err) // only root gives files away
			continue
		}
		if f, err := flock.Open(at(name)); err == nil {
			t.Errorf("%s was opened", name)
			_ = f.Close()
		}
	}
	for name, put := range map[string]func(path string) error{
		"link to dir": func(path string) error { return os.Symlink(dir, path) },
		"writable":    func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o777)) },
		"file":        func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		if err := errors.Join(put(at(name)), flock.Dir(at(name))); err == nil {
			t.Errorf("%s is good for locks", name)
		}
	}
	for range 2 {
		if err := flock.Dir(at("locks")); err != nil {
			t.Error(err)
		}
	}
}
