package local_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// locker runs only where it can make its lock anew.
const locker = "import sys, time; open(sys.argv[1], 'x'); print('locked', flush=True); time.sleep(3600)"

func newLocker(t *testing.T, d *local.Driver) *tenant {
	a := newTenant(t, d, "aaa")
	c := a.m.Components["app"]
	c.Locks = []string{"data/run/app.pid"}
	a.m.Components["app"] = c
	if code, out := a.python("import os, sys; os.mkdir(sys.argv[1])", a.m.Site.Volumes["app.data"]+"/run"); code != 0 {
		t.Fatal(out)
	}
	return a
}

func (n *tenant) restarted(times int) {
	n.t.Helper()
	waitFor(n.t, func() error {
		if o := n.observe(); !o.Running || o.Restarts < times {
			return fmt.Errorf("observed %+v", o)
		}
		return nil
	})
	waitLog(n.t, n, "locked")
}

func TestLocksOfKilledProcess(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	a := newLocker(t, d)
	a.ensure("python3", "-c", locker, a.m.Site.Volumes["app.data"]+"/run/app.pid")
	waitLog(t, a, "locked")
	if err := syscall.Kill(a.pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	a.restarted(1)
	// Once more where nobody saw the end of it.
	pid := a.pid()
	a.killSupervisor()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	a.ensure("python3", "-c", locker, a.m.Site.Volumes["app.data"]+"/run/app.pid")
	a.restarted(2)
}

// A customer's process must not have the supervisor, as root, remove a file of
// another.
func TestLocksLeadNowhereElse(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	a := newLocker(t, d)
	volume := layout.Stamp(a.m.Site.Dir).Component("app").Volume("data")
	elsewhere := filepath.Join(t.TempDir(), "app.pid")
	if err := os.WriteFile(elsewhere, []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(volume, "run")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(elsewhere), filepath.Join(volume, "run")); err != nil {
		t.Fatal(err)
	}
	if err := d.Ensure(t.Context(), a.ref, a.m, "app"); err == nil || !strings.Contains(err.Error(), "clear lock") {
		t.Errorf("Ensure = %v", err)
	}
	if _, err := os.Stat(elsewhere); err != nil {
		t.Error(err)
	}
}

func TestLocksLieInVolumes(t *testing.T) {
	for lock, good := range map[string]bool{
		"data/a.pid": true, "data/b/a.pid": true, "data": false, "data/": false, "data/../a.pid": false, "other/a.pid": false, "/data/a.pid": false,
	} {
		c := driver.Component{Artifact: "a", Command: []string{"a"}, Volumes: []string{"data"}, Locks: []string{lock}}
		if err := c.Check(); (err == nil) != good {
			t.Errorf("check lock %q: %v", lock, err)
		}
	}
}
