package local_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
)

// initialise is as strict as initdb: it wants an empty directory, and one that
// was left half-way is not. With "wait" it does not come to its end.
const initialise = `
import os, sys, time
if os.listdir(sys.argv[1]):
    print("directory exists but is not empty"); raise SystemExit(1)
os.mkdir(sys.argv[1] + "/pg"); os.symlink("/", sys.argv[1] + "/pg/out")
open(sys.argv[1] + "/pg/half", "w").write("ran\n")
if sys.argv[2] == "wait": time.sleep(3600)
`

func (n *tenant) setup(ctx context.Context, id, how string) (driver.JobResult, error) {
	return n.d.RunJob(ctx, n.ref, n.m, driver.Job{
		ID: id, Component: "app", Fresh: true,
		Command: []string{"python3", "-c", initialise, n.m.Site.Volumes["app.data"], how},
	})
}

// beginSetup begins one that does not end.
func (n *tenant) beginSetup(ctx context.Context, id string) chan error {
	n.t.Helper()
	half := filepath.Join(n.m.Site.Volumes["app.data"], "pg", "half")
	if err := os.Remove(half); err != nil && !errors.Is(err, fs.ErrNotExist) {
		n.t.Fatal(err) // an earlier one's would be taken for this one's
	}
	stop := make(chan error, 1)
	go func() {
		_, err := n.setup(ctx, id, "wait")
		stop <- err
	}()
	waitFor(n.t, func() error {
		if n.runs(half) == 0 {
			return fmt.Errorf("not begun")
		}
		return nil
	})
	return stop
}

func (n *tenant) mustSetup(id string) {
	n.t.Helper()
	if r, err := n.setup(n.t.Context(), id, "end"); err != nil || r.ExitCode != 0 {
		n.t.Errorf("setup %s: %+v, %v", id, r, err)
	}
}

// TestSupervisorKilledInSetup: what it leaves does not make the next try fail,
// under the same ID or under that of the next attempt.
func TestSupervisorKilledInSetup(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	a := newTenant(t, d, "aaa")
	for _, next := range []string{"app.setup-1", "app.setup-2"} {
		stop := a.beginSetup(t.Context(), "app.setup-1")
		a.killSupervisor()
		if err := <-stop; err == nil {
			t.Error("a job without an end gave no error")
		}
		a.mustSetup(next)
		if err := os.Remove(filepath.Join(a.m.Site.Dir, "jobs", next+".json")); err != nil { // so that it runs again
			t.Fatal(err)
		}
	}
	a.ensure("python3", "-c", sleeper)
	a.killSupervisor()
	r, err := a.setup(t.Context(), "app.setup-3", "end")
	if err != nil || r.ExitCode != 1 || !strings.Contains(strings.Join(r.Output, ""), "not empty") {
		t.Errorf("setup of a component that runs: %+v, %v", r, err)
	}
}

// TestSetupEndsAnEarlierOne: another attempt does not run beside the first.
func TestSetupEndsAnEarlierOne(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	a := newTenant(t, d, "aaa")
	stop := a.beginSetup(t.Context(), "app.setup-1")
	a.mustSetup("app.setup-2")
	if err := <-stop; err == nil {
		t.Error("the earlier setup was not ended")
	}
}

// TestOldRecordKeepsVolumes: what an older supervisor wrote does not say which
// components ran, so all that were applied did.
func TestOldRecordKeepsVolumes(t *testing.T) {
	t.Parallel()
	r := control.Record{Applied: map[string]control.Applied{"app": {}, "db": {Component: driver.Component{Stopped: true}}}}
	if !r.Ran("db") || r.Ran("new") {
		t.Error("an old record's component is taken for one that never ran")
	}
	r.Apply("new", control.Applied{Component: driver.Component{Stopped: true}})
	if !r.Ran("db") || !r.Ran("app") || r.Ran("new") {
		t.Errorf("after a change: %+v", r.Begun)
	}
	r.Apply("new", control.Applied{})
	r.Apply("new", control.Applied{Component: driver.Component{Stopped: true}})
	if !r.Ran("new") {
		t.Error("a component that ran and was stopped is taken for one that never ran")
	}
}
