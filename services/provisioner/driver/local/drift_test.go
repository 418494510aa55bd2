package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local"
	"stampworks.dev/services/provisioner/driver/local/firewall"
	"stampworks.dev/services/provisioner/driver/local/layout"
	"stampworks.dev/services/provisioner/driver/local/process"
)

// driftTenant has a component that runs with a file.
func driftTenant(t *testing.T, d *local.Driver) *tenant {
	t.Helper()
	a := newTenant(t, d, "drift")
	c := a.m.Components["app"]
	c.Files = map[string]string{"app.conf": "limit = 10\n"}
	a.m.Components["app"] = c
	a.ensure("python3", "-c", sleeper)
	if o := a.look(); o.Edited || len(o.Lost)+len(o.Missing) != 0 || len(o.Components["app"].ChangedFiles)+len(o.Components["app"].Missing) != 0 {
		t.Fatalf("as it was made: %+v", o)
	}
	return a
}

func (n *tenant) look() driver.Observation {
	n.t.Helper()
	o, err := n.d.Observe(n.t.Context(), n.ref)
	if err != nil {
		n.t.Fatal(err)
	}
	return o
}

// again does what the engine does with a component that is to start anew.
func (n *tenant) again() {
	n.t.Helper()
	n.reserve()
	if err := n.d.Stop(n.t.Context(), n.ref, "app"); err != nil {
		n.t.Fatal(err)
	}
	if err := n.d.Ensure(n.t.Context(), n.ref, n.m, "app"); err != nil {
		n.t.Fatal(err)
	}
}

func (n *tenant) reserve() {
	n.t.Helper()
	if _, err := n.d.Reserve(n.t.Context(), n.ref, request("app")); err != nil {
		n.t.Fatal(err)
	}
}

// must fails the test on an error.
func (n *tenant) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// whole waits for nothing to differ, and says what ran before is or is not the
// same process.
func (n *tenant) whole(before driver.ComponentObservation, same bool) {
	n.t.Helper()
	waitFor(n.t, func() error {
		o := n.look()
		c := o.Components["app"]
		if !c.Running || c.Digest != before.Digest || o.Edited || len(c.ChangedFiles)+len(c.Missing)+len(o.Lost)+len(o.Missing) != 0 {
			return fmt.Errorf("observed %+v, before %+v", o, before)
		}
		if slices.Equal(c.PIDs, before.PIDs) != same {
			return fmt.Errorf("the same process: %v, want %v", !same, same)
		}
		return nil
	})
}

func TestChangedFilesAreSeen(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(file string) error{
		"edited in place":     func(f string) error { return os.WriteFile(f, []byte("limit = 99\n"), 0o600) },
		"longer":              func(f string) error { return os.WriteFile(f, []byte("limit = 100\n"), 0o600) },
		"removed":             os.Remove,
		"a link in its place": func(f string) error { return errors.Join(os.Rename(f, f+"-2"), os.Symlink(f+"-2", f)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := driftTenant(t, open(t, config(t)))
			before := a.observe()
			a.must(change(filepath.Join(a.m.Site.Files["app"], "app.conf")))
			if o := a.observe(); !o.Running || !slices.Equal(o.ChangedFiles, []string{"app.conf"}) {
				t.Fatalf("observed %+v", o)
			}
			if code, out := a.python("print(1)"); code != 0 {
				t.Fatal(out)
			}
			if o := a.observe(); len(o.ChangedFiles) != 1 {
				t.Errorf("a probe put the file right, and hid the change: %+v", o)
			}
			a.again()
			a.whole(before, false)
			if text, err := os.ReadFile(filepath.Join(a.m.Site.Files["app"], "app.conf")); err != nil || string(text) != "limit = 10\n" {
				t.Errorf("file %q, %v", text, err)
			}
		})
	}
}

// manifest changes the record on disk as a person would.
func (n *tenant) manifest(change func(text string) string) {
	n.t.Helper()
	file := layout.Stamp(n.m.Site.Dir).Manifest()
	text, err := os.ReadFile(file)
	n.must(err)
	changed := change(string(text))
	if changed == string(text) {
		n.t.Fatal("nothing changed")
	}
	n.must(os.WriteFile(file, []byte(changed), 0o600))
}

func sleepLess(text string) string { return strings.ReplaceAll(text, "sleep(3600)", "sleep(3599)") }

func TestEditedManifestIsSeen(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(text string) string{
		"a command":              sleepLess,
		"the token":              func(text string) string { return strings.Replace(text, `"token":1`, `"token":0`, 1) },
		"it is no JSON any more": func(text string) string { return text[1:] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := driftTenant(t, open(t, config(t)))
			before := a.observe()
			a.manifest(change)
			if o := a.look(); !o.Edited || !o.Exists {
				t.Fatalf("observed %+v", o)
			}
			a.reserve()
			a.whole(before, true)
		})
	}
}

// TestEditedManifestIsUndone is a change that took effect: the supervisor was
// started again on it.
func TestEditedManifestIsUndone(t *testing.T) {
	t.Parallel()
	c := config(t)
	a := driftTenant(t, open(t, c))
	before := a.observe()
	a.killSupervisor()
	a.manifest(sleepLess)
	a.d = open(t, c) // launches a supervisor
	if o := a.observe(); o.Digest == before.Digest || !o.Running || slices.Equal(o.PIDs, before.PIDs) {
		t.Fatalf("runs %+v, before %+v: want another definition, and its label", o, before)
	}
	a.again()
	a.whole(before, false)
}

// TestComponentTakenOutOfTheManifest runs on, unwatched, and is taken up again
// without a second process.
func TestComponentTakenOutOfTheManifest(t *testing.T) {
	t.Parallel()
	c := config(t)
	a := driftTenant(t, open(t, c))
	before := a.observe()
	a.killSupervisor()
	a.manifest(func(text string) string { return strings.Replace(text, `"applied":{"app":`, `"applied":{"old":`, 1) })
	a.d = open(t, c)
	if o := a.look(); !o.Edited {
		t.Fatalf("observed %+v", o)
	}
	a.again()
	a.whole(before, false)
	if _, err := process.Of(before.PIDs[0]); err == nil {
		t.Error("the process of before still runs")
	}
}

func TestMissingDirectoriesAreMadeAgain(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"backup", "jobs", "etc", "components/app/tmp", "components/app/files", "components/app/log"} {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			a := driftTenant(t, open(t, config(t)))
			before := a.observe()
			a.must(os.RemoveAll(filepath.Join(a.m.Site.Dir, dir)))
			o := a.look()
			if !slices.Contains(append(o.Missing, o.Components["app"].Missing...), filepath.Base(dir)) {
				t.Fatalf("observed %+v", o)
			}
			a.again()
			a.whole(before, false)
		})
	}
}

func TestLostVolumeIsNeverMadeEmpty(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]func(a *tenant) string{
		"the volume":    func(a *tenant) string { return a.m.Site.Volumes["app.data"] },
		"the component": func(a *tenant) string { return filepath.Join(a.m.Site.Dir, "components", "app") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := driftTenant(t, open(t, config(t)))
			a.must(os.WriteFile(filepath.Join(a.m.Site.Volumes["app.data"], "tickets"), []byte("1 open"), 0o600))
			away := filepath.Join(filepath.Dir(a.m.Site.Dir), "away-"+a.ref.Tenant)
			a.must(os.Rename(dir(a), away))
			if o := a.look(); !slices.Equal(o.Lost, []string{"app.data"}) {
				t.Fatalf("observed %+v", o)
			}
			_, err := a.d.Reserve(t.Context(), a.ref, request("app"))
			if errs.ReasonOf(err) != "DATA_MISSING" || !strings.Contains(err.Error(), "app.data") {
				t.Errorf("Reserve = %v", err)
			}
			if _, err := os.Stat(dir(a)); !os.IsNotExist(err) {
				t.Errorf("it was made again: %v", err)
			}
			a.must(os.Rename(away, dir(a)))
			a.reserve()
			if o := a.look(); len(o.Lost) != 0 {
				t.Errorf("put back, observed %+v", o)
			}
		})
	}
}

func TestRemovedManifestIsWrittenAgain(t *testing.T) {
	t.Parallel()
	a := driftTenant(t, open(t, config(t)))
	before := a.observe()
	a.must(os.Remove(layout.Stamp(a.m.Site.Dir).Manifest()))
	if o := a.look(); o.Exists {
		t.Fatalf("observed %+v", o)
	}
	waitFor(t, func() error {
		if o := a.look(); !o.Exists {
			return fmt.Errorf("observed %+v", o)
		}
		return nil
	})
	a.whole(before, true)
}

func TestRemovedSocketIsMadeAgain(t *testing.T) {
	t.Parallel()
	a := driftTenant(t, open(t, config(t)))
	before := a.observe()
	a.must(os.Remove(filepath.Join(a.m.Site.Dir, "run", "sock")))
	waitFor(t, func() error { return a.d.Ensure(t.Context(), a.ref, a.m, "app") })
	a.whole(before, true)
}

func TestMissingFirewallRulesAreSeen(t *testing.T) {
	c := config(t)
	d := open(t, c)
	needRoot(t, d)
	a := driftTenant(t, d)
	if a.m.Site.Isolation["network"] == "NONE" {
		t.Skip("needs nftables")
	}
	before := a.observe()
	rules := firewall.Owner{User: a.m.Site.UserID, Address: a.m.Site.Binds["app.sql"].Host}
	a.must(firewall.Forget(a.t.Context(), rules))
	waitFor(t, func() error {
		if o := a.look(); !slices.Contains(o.Missing, "firewall rules") {
			return fmt.Errorf("observed %+v", o)
		}
		return nil
	})
	a.reserve()
	a.whole(before, true)
}

// TestWatchTells is told once that something differs, and once more when it
// does again.
func TestWatchTells(t *testing.T) {
	t.Parallel()
	a := driftTenant(t, open(t, config(t)))
	told := make(chan string, 10)
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { done <- a.d.Watch(ctx, func(tenant string) { told <- tenant }) }()
	a.must(os.Remove(filepath.Join(a.m.Site.Files["app"], "app.conf")))
	if tenant := <-told; tenant != a.ref.Tenant {
		t.Errorf("told of %q", tenant)
	}
	cancel()
	a.must(<-done)
	if len(told) != 0 {
		t.Errorf("told %d times more", len(told))
	}
}
