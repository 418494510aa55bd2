package repository

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDiskFull fills a small disk for real.
func TestDiskFull(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("stampworks-test", dir, "tmpfs", 0, "size=256k,mode=0700"); err != nil {
		t.Skipf("needs root to mount a small disk: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	s := newShop(t)
	var err error
	s.r, err = Open(filepath.Join(dir, "backups"))
	s.must(err)
	for i := range 8 {
		s.write(fmt.Sprintf("part-%d", i), strings.Repeat("x", 60<<10))
	}
	if _, err := s.r.Keep(t.Context(), ofAcme, s.src); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Keep = %v, want ENOSPC", err)
	}
	s.dir = filepath.Join(dir, "backups")
	s.mustHaveOnly()
}
