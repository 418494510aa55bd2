package repository

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

var ofAcme = driver.BackupRef{Tenant: "acme", UID: "u1", ID: "b-1"}

// shop is a repository and a stamp's backup directory.
type shop struct {
	t   *testing.T
	r   *Repository
	dir string
	src Source
}

func newShop(t *testing.T) *shop {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "backups")
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	from := t.TempDir()
	s := &shop{t: t, r: r, dir: dir, src: Source{Dir: from, User: os.Geteuid(), Token: 5, Current: func() error { return nil }}}
	s.write("dump", "tickets")
	s.write("parts/one", "1")
	s.must(os.Mkdir(filepath.Join(from, "empty"), 0o755))
	return s
}

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.src.Dir, name)
	s.must(os.MkdirAll(filepath.Dir(path), 0o755))
	s.must(os.WriteFile(path, []byte(text), 0o644))
}

func (s *shop) keep() driver.BackupRef {
	s.t.Helper()
	kept, err := s.r.Keep(s.t.Context(), ofAcme, s.src)
	s.must(err)
	of := ofAcme
	of.Digest = kept.Digest
	return of
}

// fetch gives what a fetched backup has, by path; directories end with "/".
func (s *shop) fetch(of driver.BackupRef) (map[string]string, error) {
	s.t.Helper()
	into := s.t.TempDir()
	if err := s.r.Fetch(s.t.Context(), of, into, KeepOwner); err != nil {
		return nil, err
	}
	return s.tree(into), nil
}

func (s *shop) tree(dir string) map[string]string {
	s.t.Helper()
	found := map[string]string{}
	s.must(filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if entry.IsDir() {
			found[name+"/"] = ""
			return nil
		}
		text, err := os.ReadFile(path)
		found[name] = string(text)
		return err
	}))
	return found
}

// mustHaveOnly checks that the repository has these tenants' directories and
// backups, and no leftovers.
func (s *shop) mustHaveOnly(want ...string) {
	s.t.Helper()
	found, err := filepath.Glob(filepath.Join(s.dir, "*", "*")) // hidden ones too
	s.must(err)
	var names []string
	for _, path := range found {
		name, _ := filepath.Rel(s.dir, path)
		names = append(names, name)
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		s.t.Errorf("the repository has %q, want %q", names, want)
	}
}

func TestKeptAndFetched(t *testing.T) {
	s := newShop(t)
	of := s.keep()
	got, err := s.fetch(of)
	if err != nil || len(got) != 4 || got["dump"] != "tickets" || got["parts/one"] != "1" {
		t.Errorf("fetched %q, %v", got, err)
	}
	if _, has := got["empty/"]; !has {
		t.Errorf("fetched %q, without the empty directory", got)
	}
	s.must(filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if want := map[bool]fs.FileMode{true: 0o700, false: 0o600}[entry.IsDir()]; err == nil && info.Mode().Perm() != want {
			t.Errorf("%s has mode %s, want %s", path, info.Mode(), want)
		}
		return err
	}))
	s.must(s.r.Drop(t.Context(), of))
	s.mustHaveOnly()
	if left, err := os.ReadDir(s.dir); err != nil || len(left) != 0 {
		t.Errorf("dropped, the repository has %v, %v", left, err)
	}
}

// TestCrashAtEachPoint: the program ends there without any tidying up. Then
// there is nothing or the whole, and the next call brings about the same end.
func TestCrashAtEachPoint(t *testing.T) {
	for point, whole := range map[string]bool{"made": false, "copied": false, "written": false, "renamed": true} {
		t.Run(point, func(t *testing.T) {
			s := newShop(t)
			s.crash(point, func() { _, _ = s.r.Keep(t.Context(), ofAcme, s.src) })
			if _, err := s.r.read(ofAcme); whole != (err == nil) || !whole && !errors.Is(err, driver.ErrBackupMissing) {
				t.Errorf("after a crash: %v, want a whole backup: %v", err, whole)
			}
			of := s.keep()
			if got, err := s.fetch(of); err != nil || got["dump"] != "tickets" {
				t.Errorf("after a crash fetched %q, %v", got, err)
			}
			s.mustHaveOnly("acme.u1/b-1")
		})
	}
}

func TestCrashInDrop(t *testing.T) {
	s := newShop(t)
	of := s.keep()
	s.crash("dropping", func() { _ = s.r.Drop(t.Context(), of) })
	if _, err := s.fetch(of); !errors.Is(err, driver.ErrBackupMissing) {
		t.Errorf("half dropped: %v, want ErrBackupMissing", err)
	}
	s.keep()
	s.mustHaveOnly("acme.u1/b-1")
	s.crash("dropping", func() { _ = s.r.Drop(t.Context(), of) })
	s.must(s.r.Drop(t.Context(), of))
	s.mustHaveOnly()
}

// crash runs do, which comes no further than the point. The next program opens
// the repository.
func (s *shop) crash(point string, do func()) {
	s.t.Helper()
	reached := false
	s.r.at = func(p string) {
		if p == point {
			reached = true
			panic("killed")
		}
	}
	func() {
		defer func() { _ = recover() }()
		do()
	}()
	if !reached {
		s.t.Fatalf("never came to %q", point)
	}
	next, err := Open(s.dir)
	s.must(err)
	s.r = next
}

// TestPausedHolderIsOvertaken: it was let in, paused, and wakes when a later
// holder has kept its own.
func TestPausedHolderIsOvertaken(t *testing.T) {
	for _, point := range []string{"made", "copied", "written"} {
		t.Run(point, func(t *testing.T) {
			s := newShop(t)
			later, err := Open(s.dir)
			s.must(err)
			s.r.at = func(p string) {
				if p != point {
					return
				}
				newer := s.src
				newer.Token++
				s.write("dump", "newer")
				_, err := later.Keep(t.Context(), ofAcme, newer)
				s.must(err)
				if point == "written" { // it looks no more; its part is gone
					return
				}
				s.src.Current = func() error { return driver.ErrStaleToken }
			}
			src := s.src
			src.Current = func() error { return s.src.Current() }
			if _, err := s.r.Keep(t.Context(), ofAcme, src); err == nil || point != "written" && !errors.Is(err, driver.ErrStaleToken) {
				t.Errorf("Keep of the paused holder = %v", err)
			}
			s.mustHaveOnly("acme.u1/b-1")
			m, err := s.r.read(ofAcme)
			s.must(err)
			of := ofAcme
			of.Digest = m.Digest
			if got, err := s.fetch(of); err != nil || got["dump"] != "newer" {
				t.Errorf("kept %q, %v, want the newer one", got, err)
			}
		})
	}
}

func TestDamaged(t *testing.T) {
	for name, damage := range map[string]struct {
		do   func(dir string) error
		says string
	}{
		"another byte": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "files/dump"), []byte("Tickets"), 0o600)
		}, `content of "dump"`},
		"a file less": {func(dir string) error { return os.Remove(filepath.Join(dir, "files/parts/one")) }, `"parts/one" is missing`},
		"a file more": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "files/x"), nil, 0o600) }, `"x" was not in it`},
		"a link instead": {func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "files/dump")), os.Symlink("/etc/passwd", filepath.Join(dir, "files/dump")))
		}, "symbolic link"},
		"a link for its files": {func(dir string) error {
			files := filepath.Join(dir, "files")
			return errors.Join(os.Rename(files, dir+".away"), os.Symlink(dir+".away", files))
		}, "not a directory"},
		"a file for its files": {func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "files")), os.WriteFile(filepath.Join(dir, "files"), nil, 0o600))
		}, "not a directory"},
		"no files":        {func(dir string) error { return os.RemoveAll(filepath.Join(dir, "files")) }, "no such file"},
		"no manifest":     {func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) }, "manifest.json"},
		"broken manifest": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "manifest.json"), []byte("{"), 0o600) }, "manifest.json"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			of := s.keep()
			s.must(damage.do(s.r.path(of)))
			if _, err := s.fetch(of); !errors.Is(err, driver.ErrBackupDamaged) || errs.ReasonOf(err) != "BACKUP_DAMAGED" || !strings.Contains(err.Error(), damage.says) {
				t.Errorf("Fetch = %v, want ErrBackupDamaged that says %s", err, damage.says)
			}
			if err := s.r.Check(t.Context(), of); !errors.Is(err, driver.ErrBackupDamaged) || errs.ReasonOf(err) != "BACKUP_DAMAGED" || !strings.Contains(err.Error(), damage.says) {
				t.Errorf("Check = %v, want ErrBackupDamaged that says %s", err, damage.says)
			}
		})
	}
}

func TestOpenRefusesOpenDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "backups")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "0700") {
		t.Errorf("Open of a directory for all = %v, want it refused", err)
	}
}

func TestCancelled(t *testing.T) {
	s := newShop(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.r.at = func(string) { cancel() }
	if _, err := s.r.Keep(ctx, ofAcme, s.src); !errors.Is(err, context.Canceled) {
		t.Errorf("Keep = %v, want it cancelled", err)
	}
	s.mustHaveOnly()
}

func TestLocksEndWithTheContext(t *testing.T) {
	var l Locks
	free, err := l.Lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Lock(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Lock of a held one = %v, want it cancelled", err)
	}
	free()
	free, err = l.Lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	free()
}
