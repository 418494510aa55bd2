package local_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local"
	"stampworks.dev/services/provisioner/driver/local/host"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// outlived is a stamp whose data directory was away for so long that another has
// its user by now, and that one.
func outlived(t *testing.T) (a, b *tenant, c local.Config) {
	t.Helper()
	c = config(t)
	only := c.UserRange.Last + 50000 + int(tenants.Add(1)) // not another test's
	c.HostDir, c.UserRange = t.TempDir(), host.Range{First: only, Last: only}
	c.DataDir = filepath.Join(c.DataDir, "cell")
	d := open(t, c)
	needRoot(t, d)
	a = newTenant(t, d, "away")
	a.ensure("python3", "-c", sleeper)
	halt(t, c.DataDir, 1)
	elsewhere := c.DataDir + "-elsewhere"
	a.must(os.Rename(c.DataDir, elsewhere))
	other := c
	other.DataDir = t.TempDir()
	b = newTenant(t, open(t, other), "next")
	if b.m.Site.UserID != a.m.Site.UserID {
		t.Fatalf("users %d and %d", a.m.Site.UserID, b.m.Site.UserID)
	}
	b.ensure("python3", "-c", sleeper)
	a.must(os.Rename(elsewhere, c.DataDir))
	a.d = open(t, c)
	return a, b, c
}

// same checks that the other stamp runs on, undisturbed.
func (n *tenant) same(pids []int) {
	n.t.Helper()
	if o := n.observe(); !slices.Equal(o.PIDs, pids) {
		n.t.Errorf("the other stamp runs as %v, before %v", o.PIDs, pids)
	}
}

// TestAStampWhoseUserIsTaken: no process of it runs as another tenant's user, and
// none of that tenant's is taken for its own.
func TestAStampWhoseUserIsTaken(t *testing.T) {
	t.Parallel()
	a, b, c := outlived(t)
	pids, dir := b.observe().PIDs, layout.Stamp(a.m.Site.Dir)
	o := a.look()
	if want := fmt.Sprintf("its user %d", a.m.Site.UserID); !o.Exists || len(o.Barred) < len(want) || o.Barred[:len(want)] != want {
		t.Errorf("observed %+v", o)
	}
	if info, err := os.Stat(string(dir)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("its directory: %v, %v", info.Mode(), err)
	}
	_, err := a.d.Reserve(t.Context(), a.ref, request("app"))
	for name, err := range map[string]error{"Reserve": err, "Ensure": a.d.Ensure(t.Context(), a.ref, a.m, "app")} {
		if errs.ReasonOf(err) != "NUMBERS_TAKEN" {
			t.Errorf("%s: %v", name, err)
		}
	}
	stopped := a.m
	stopped.Components = map[string]driver.Component{"app": a.m.Components["app"]}
	app := stopped.Components["app"]
	app.Stopped = true
	stopped.Components["app"] = app
	a.must(a.d.Ensure(t.Context(), a.ref, stopped, "app"))
	a.must(a.d.Stop(t.Context(), a.ref, "app"))
	if _, err := local.Halt(t.Context(), c.DataDir); err != nil {
		t.Error(err)
	}
	lock, free, err := dir.TryLock()
	if err != nil || !free {
		t.Fatalf("a supervisor was launched: %v", err)
	}
	a.must(lock.Close())
	b.same(pids)

	a.must(b.d.Destroy(t.Context(), b.ref))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = a.d.Run(ctx) }()
	waitFor(t, func() error {
		if o := a.look(); o.Barred != "" {
			return fmt.Errorf("observed %+v", o)
		}
		return nil
	})
	a.ensure("python3", "-c", sleeper)
}

func TestAStampWhoseUserIsTakenIsDestroyed(t *testing.T) {
	t.Parallel()
	a, b, _ := outlived(t)
	pids := b.observe().PIDs
	a.must(a.d.Destroy(t.Context(), a.ref))
	if _, err := os.Stat(a.m.Site.Dir); !os.IsNotExist(err) {
		t.Errorf("its directory: %v", err)
	}
	b.same(pids)
}
