package drivertest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Busy makes a directory that nobody can remove until it is released, or the
// test ends: it has another disk on it, or, for who may not mount one, must not
// be written.
func Busy(t *testing.T, dir string) (release func()) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "inner"), 0o700); err != nil {
		t.Fatal(err)
	}
	let := func() error { return os.Chmod(dir, 0o700) }
	err := os.Chmod(dir, 0o500)
	if os.Geteuid() == 0 {
		let = func() error { return unmount(dir) }
		err = mount(dir, "size=4k")
	}
	if err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() {
		if err := let(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(release)
	return release
}

// SmallDisk gives a directory on a disk of a few MiB, and a way to fill it up. It
// skips a test that may not mount one.
func SmallDisk(t *testing.T) (dir string, fill func() (free func())) {
	t.Helper()
	dir = t.TempDir()
	if err := mount(dir, "size=4m,mode=0711"); err != nil {
		t.Skipf("needs root to mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		// Processes that were killed a moment ago still hold it.
		tick, late := time.NewTicker(10*time.Millisecond), time.After(10*time.Second)
		defer tick.Stop()
		for err := unmount(dir); err != nil; err = unmount(dir) {
			select {
			case <-tick.C:
			case <-late:
				t.Error(err)
				return
			}
		}
	})
	filler := filepath.Join(dir, "filler")
	return dir, func() func() {
		if err := os.WriteFile(filler, make([]byte, 8<<20), 0o600); err == nil {
			t.Fatal("8 MiB went onto a disk of 4")
		}
		return func() {
			if err := os.Remove(filler); err != nil {
				t.Error(err)
			}
		}
	}
}
