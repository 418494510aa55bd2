package local_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// write lets the stamp write into its backup directory.
func (n *tenant) write(name, text string) {
	n.t.Helper()
	const program = "import os,sys; p=sys.argv[1]; os.makedirs(os.path.dirname(p),exist_ok=True); open(p,'w').write(sys.argv[2])"
	if code, out := n.python(program, filepath.Join(n.m.Site.Backup, name), text); code != 0 {
		n.t.Fatalf("write %s: %d %s", name, code, out)
	}
}

// kept clears the backup directory, writes one file and keeps it.
func (n *tenant) kept() driver.BackupRef {
	n.t.Helper()
	if err := n.d.ClearBackup(n.t.Context(), n.ref); err != nil {
		n.t.Fatal(err)
	}
	n.write("parts/dump", "tickets")
	kept, err := n.d.KeepBackup(n.t.Context(), n.ref, "b-1", nil)
	if err != nil {
		n.t.Fatal(err)
	}
	return driver.BackupRef{Tenant: n.ref.Tenant, UID: n.ref.UID, ID: "b-1", Digest: kept.Digest}
}

// mustOwn checks that all below the backup directory is the stamp's alone.
func (n *tenant) mustOwn() {
	n.t.Helper()
	user := n.m.Site.UserID
	if user == 0 {
		user = os.Geteuid()
	}
	err := filepath.WalkDir(n.m.Site.Backup, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != user || int(stat.Gid) != user && n.m.Site.UserID != 0 || info.Mode().Perm()&0o077 != 0 {
			n.t.Errorf("%s has mode %s and owner %v, want user %d alone", path, info.Mode(), info.Sys(), user)
		}
		return nil
	})
	if err != nil {
		n.t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(n.m.Site.Dir, ".*")); err != nil || len(left) != 0 {
		n.t.Errorf("left in the stamp's directory: %v, %v", left, err)
	}
}

func TestFetchedBelongsToTheStamp(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	a, b := newTenant(t, d, "aaa"), newTenant(t, d, "bbb")
	of := a.kept()
	a.mustOwn()
	if err := d.FetchBackup(t.Context(), b.ref, of); err != nil {
		t.Fatal(err)
	}
	b.mustOwn()
	b.write("parts/more", "x")
	if err := d.ClearBackup(t.Context(), b.ref); err != nil {
		t.Fatal(err)
	}
	b.mustOwn()
}

func TestRepositoryIsOutOfReach(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.BackupDir = filepath.Join(t.TempDir(), "elsewhere", "backups") // not below the data directory
	d := open(t, c)
	needRoot(t, d)
	a := newTenant(t, d, "aaa")
	of := a.kept()
	file := filepath.Join(c.BackupDir, of.Tenant+"."+of.UID, of.ID, "files", "parts", "dump")
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"open(__import__('sys').argv[1])", "__import__('os').listdir(__import__('os').path.dirname(__import__('sys').argv[1]))"} {
		if code, out := a.python(program, file); code == 0 {
			t.Errorf("the stamp reads the repository: %s", out)
		}
	}
}

// TestStampLinksToRootsFiles: root must not copy for a stamp what the stamp
// cannot read.
func TestStampLinksToRootsFiles(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	a := newTenant(t, d, "aaa")
	manifest := filepath.Join(a.m.Site.Dir, "manifest.json")
	for _, program := range []string{"os.symlink(sys.argv[1], sys.argv[2])", "os.link(sys.argv[1], sys.argv[2])"} {
		if err := d.ClearBackup(t.Context(), a.ref); err != nil {
			t.Fatal(err)
		}
		a.write("dump", "tickets")
		if code, _ := a.python("import os,sys; "+program, manifest, filepath.Join(a.m.Site.Backup, "evil")); code != 0 {
			continue // the kernel forbids it
		}
		if _, err := d.KeepBackup(t.Context(), a.ref, "b-1", nil); errs.ReasonOf(err) != "BACKUP_REFUSED" || !strings.Contains(err.Error(), `"evil"`) {
			t.Errorf("KeepBackup after %s = %v, want it refused by name", program, err)
		}
	}
}

// TestCrashWhileReplacing: what a crash leaves is gone after the next call, and
// a backup directory that is missing is made.
func TestCrashWhileReplacing(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	a := newTenant(t, d, "aaa")
	of := a.kept()
	left := filepath.Join(a.m.Site.Dir, ".part-1-LEFT")
	for name, crash := range map[string]func() error{
		"before it is in place": func() error { return os.MkdirAll(filepath.Join(left, "parts"), 0o700) },
		"in between":            func() error { return os.Rename(a.m.Site.Backup, left) },
	} {
		if err := crash(); err != nil {
			t.Fatal(err)
		}
		if err := d.FetchBackup(t.Context(), a.ref, of); err != nil {
			t.Errorf("after a crash %s: %v", name, err)
		}
		a.mustOwn()
	}
}

// TestPausedWhileReplacing: a holder that was let in, and overtaken while it was
// filling, leaves what the later one put there.
func TestPausedWhileReplacing(t *testing.T) {
	t.Parallel()
	c := config(t)
	d := open(t, c)
	a := newTenant(t, d, "aaa")
	of := a.kept()
	stamp := layout.Stamp(a.m.Site.Dir)
	r, err := control.ReadRecord(stamp)
	if err != nil {
		t.Fatal(err)
	}
	r.Token = 9 // as the supervisor writes it for the later one
	if err := r.Write(stamp); err != nil {
		t.Fatal(err)
	}
	if err := d.FetchBackup(t.Context(), a.ref, of); !errors.Is(err, driver.ErrStaleToken) {
		t.Errorf("FetchBackup = %v, want ErrStaleToken", err)
	}
	if _, err := d.KeepBackup(t.Context(), a.ref, "b-2", nil); !errors.Is(err, driver.ErrStaleToken) {
		t.Errorf("KeepBackup = %v, want ErrStaleToken", err)
	}
	a.mustOwn()
}

func TestBackupDirGoesWithNoStamp(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.BackupDir = filepath.Join(c.DataDir, "stamps", "acme")
	if _, err := local.New(c, local.Deps{}); err == nil || !strings.Contains(err.Error(), "backup_dir") {
		t.Errorf("New with backups in the stamps = %v, want it refused", err)
	}
}
