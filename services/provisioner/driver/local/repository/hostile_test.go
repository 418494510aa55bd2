package repository

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stampworks.dev/pkg/errs"
)

// TestHostile: what a customer's program can put into its backup directory in
// the hope that root copies something else.
func TestHostile(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cr3t"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, one := range map[string]struct {
		put  func(dir string) error
		says string
	}{
		"link to a file":      {func(dir string) error { return os.Symlink(secret, filepath.Join(dir, "evil")) }, `"evil": it is a symbolic link`},
		"link to a directory": {func(dir string) error { return os.Symlink(filepath.Dir(secret), filepath.Join(dir, "evil")) }, "symbolic link"},
		"link inside":         {func(dir string) error { return os.Symlink("dump", filepath.Join(dir, "evil")) }, "symbolic link"},
		"dangling link":       {func(dir string) error { return os.Symlink("nothing", filepath.Join(dir, "evil")) }, "symbolic link"},
		"hard link":           {func(dir string) error { return os.Link(secret, filepath.Join(dir, "evil")) }, `"evil": it has other names`},
		"pipe":                {func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "parts", "evil"), 0o600) }, `"parts/evil": it is a pipe`},
		"name without sense":  {func(dir string) error { return os.WriteFile(filepath.Join(dir, "\xff"), nil, 0o600) }, "not UTF-8"},
		"too deep":            {func(dir string) error { return os.MkdirAll(filepath.Join(dir, strings.Repeat("d/", maxDepth)), 0o700) }, "directories deep"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			s.must(one.put(s.src.Dir))
			_, err := s.r.Keep(t.Context(), ofAcme, s.src)
			if errs.ReasonOf(err) != "BACKUP_REFUSED" || !errs.Is(err, errs.FailedPrecondition) || !strings.Contains(err.Error(), one.says) {
				t.Errorf("Keep = %v, want a refusal that says %s", err, one.says)
			}
			s.mustHaveOnly()
		})
	}
}

func TestTooMany(t *testing.T) {
	s := newShop(t)
	s.r.most = 20
	for i := range 20 {
		s.must(os.Mkdir(filepath.Join(s.src.Dir, fmt.Sprintf("parts/%d", i)), 0o700))
	}
	if _, err := s.r.Keep(t.Context(), ofAcme, s.src); errs.ReasonOf(err) != "BACKUP_REFUSED" || !strings.Contains(err.Error(), "more than 20") {
		t.Errorf("Keep of too many = %v", err)
	}
	s.mustHaveOnly()
}

func TestDeviceAndOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make devices and give files away")
	}
	s := newShop(t)
	evil := filepath.Join(s.src.Dir, "evil")
	if err := syscall.Mknod(evil, syscall.S_IFCHR|0o600, 1<<8|3); err == nil {
		if _, err := s.r.Keep(t.Context(), ofAcme, s.src); err == nil || !strings.Contains(err.Error(), "a device") {
			t.Errorf("Keep of a device = %v", err)
		}
		s.must(os.Remove(evil))
	}
	s.must(os.WriteFile(evil, nil, 0o600))
	s.must(os.Chown(evil, 65534, 65534))
	if _, err := s.r.Keep(t.Context(), ofAcme, s.src); err == nil || !strings.Contains(err.Error(), "user 65534") {
		t.Errorf("Keep of another's file = %v", err)
	}
}

// TestSparseFileDoesNotFillTheDisk: a file can claim a size that no disk has.
func TestSparseFileDoesNotFillTheDisk(t *testing.T) {
	s := newShop(t)
	f, err := os.Create(filepath.Join(s.src.Dir, "sparse"))
	s.must(err)
	defer f.Close()
	if err := f.Truncate(15 << 40); err != nil {
		t.Skipf("the file system has no such files: %v", err)
	}
	if _, err := s.r.Keep(t.Context(), ofAcme, s.src); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Keep = %v, want ENOSPC", err)
	}
	s.mustHaveOnly()
}

// TestBecomesSomethingElse: between the look at a file or directory and its
// opening it is made something else. Nothing else is kept, and nothing waits
// for a writer.
func TestBecomesSomethingElse(t *testing.T) {
	secrets := t.TempDir()
	if err := os.WriteFile(filepath.Join(secrets, "one"), []byte("s3cr3t"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, become := range map[string]func(path string) error{
		"a link to a file":      func(path string) error { return os.Symlink(filepath.Join(secrets, "one"), path) },
		"a link to a directory": func(path string) error { return os.Symlink(secrets, path) },
		"a link inside":         func(path string) error { return os.Symlink("spare", path) },
		"a pipe":                func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"nothing":               func(string) error { return nil },
	} {
		for _, which := range []string{"dump", "parts"} {
			t.Run(which+" becomes "+name, func(t *testing.T) {
				s := newShop(t)
				s.write("spare", "")
				s.r.at = func(point string) {
					if point == "open "+which {
						path := filepath.Join(s.src.Dir, which)
						s.must(errors.Join(os.RemoveAll(path), become(path)))
					}
				}
				if _, err := s.r.Keep(t.Context(), ofAcme, s.src); err == nil {
					t.Errorf("kept %q", s.tree(s.r.path(ofAcme)))
				}
				s.r.at = func(string) {}
				s.mustHaveOnly()
			})
		}
	}
}

// TestWrittenMeanwhile: half of one state and half of another is no backup.
func TestWrittenMeanwhile(t *testing.T) {
	for _, text := range []string{"", "TICKETS", "more tickets"} {
		s := newShop(t)
		s.must(os.Chtimes(filepath.Join(s.src.Dir, "dump"), time.Time{}, time.Unix(1, 0))) // clocks of files are coarse
		s.r.at = func(point string) {
			if point == "copy dump" {
				s.write("dump", text)
			}
		}
		if _, err := s.r.Keep(t.Context(), ofAcme, s.src); errs.ReasonOf(err) != "BACKUP_REFUSED" || !strings.Contains(err.Error(), "written to") {
			t.Errorf("Keep of a file that becomes %q = %v", text, err)
		}
		s.mustHaveOnly()
	}
}
