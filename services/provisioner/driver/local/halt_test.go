package local_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
	"stampworks.dev/services/provisioner/driver/local/process"
)

// halt halts the one stamp of a data directory, and wants so many to have been
// meant to run.
func halt(t *testing.T, dataDir string, ran int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if n, err := local.Halt(ctx, dataDir); err != nil || n != ran {
		t.Fatalf("Halt = %d, %v, want %d", n, err, ran)
	}
}

// mustBeHalted checks that neither the process nor anything else of the stamp
// runs, its supervisor included.
func (n *tenant) mustBeHalted(was process.Identity) {
	n.t.Helper()
	if was.Alive() {
		n.t.Errorf("process %d still runs", was.PID)
	}
	if user := n.m.Site.UserID; user != 0 {
		if left, err := process.OfUser(user); err != nil || len(left) != 0 {
			n.t.Errorf("processes left: %v, %v", left, err)
		}
	}
	lock, free, err := layout.Stamp(n.m.Site.Dir).TryLock()
	if err != nil {
		n.t.Fatal(err)
	}
	if !free {
		waitFor(n.t, func() error { // its last answer comes just before its end
			if lock, free, err = layout.Stamp(n.m.Site.Dir).TryLock(); err == nil && !free {
				err = fmt.Errorf("the supervisor still runs")
			}
			return err
		})
	}
	if err := lock.Close(); err != nil {
		n.t.Error(err)
	}
	if o := n.observe(); o.Running {
		n.t.Errorf("observed %+v", o)
	}
	r, err := control.ReadRecord(layout.Stamp(n.m.Site.Dir))
	if err != nil {
		n.t.Fatal(err)
	}
	for name, applied := range r.Applied {
		if !applied.Stopped {
			n.t.Errorf("the record wishes %s to run", name)
		}
	}
}

func TestHalt(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*tenant){
		"supervisor there": func(*tenant) {},
		"supervisor dead":  (*tenant).killSupervisor,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config(t)
			d := open(t, c)
			a := newTenant(t, d, "aaa")
			a.ensure("python3", "-c", sleeper)
			was, err := process.Of(a.pid())
			if err != nil {
				t.Fatal(err)
			}
			prepare(a)
			halt(t, c.DataDir, 1)
			a.mustBeHalted(was)
			halt(t, c.DataDir, 0) // twice is fine
			a.mustBeHalted(was)

			// The next control plane launches supervisors: they start nothing.
			a.d = open(t, c)
			if _, err := control.Call(t.Context(), layout.Stamp(a.m.Site.Dir), control.Request{Op: control.OpPing}); err != nil {
				t.Errorf("supervisor after New: %v", err)
			}
			if o := a.observe(); o.Running {
				t.Errorf("runs again before it is ensured: %+v", o)
			}
			a.ensure("python3", "-c", sleeper)
			if o := a.observe(); !o.Running {
				t.Errorf("does not run after Ensure: %+v", o)
			}
		})
	}
}

func TestHaltEndsWhatNobodyWatched(t *testing.T) {
	t.Parallel()
	c := config(t)
	d := open(t, c)
	needRoot(t, d)
	a := newTenant(t, d, "aaa")
	a.ensure("python3", "-c", daemon)
	waitFor(t, func() error {
		if pids, err := process.OfUser(a.m.Site.UserID); err != nil || len(pids) != 2 {
			return fmt.Errorf("processes %v, %w", pids, err)
		}
		return nil
	})
	was, err := process.Of(a.pid())
	if err != nil {
		t.Fatal(err)
	}
	a.killSupervisor()
	process.SignalGroup(was.PID, 9) // what it started has left its group
	waitFor(t, func() error {
		if was.Alive() {
			return fmt.Errorf("process %d still runs", was.PID)
		}
		return nil
	})
	halt(t, c.DataDir, 1)
	a.mustBeHalted(was)
}

func TestHaltEndsUnfinishedJob(t *testing.T) {
	t.Parallel()
	c := config(t)
	d := open(t, c)
	needRoot(t, d) // to see the job's processes by their user
	a := newTenant(t, d, "aaa")
	file := filepath.Join(a.m.Site.Volumes["app.data"], "runs")
	job := driver.Job{ID: "app.setup-1", Component: "app", Command: []string{"python3", "-c", once, file, "3600"}}
	stop := make(chan error, 1)
	go func() {
		_, err := d.RunJob(t.Context(), a.ref, a.m, job)
		stop <- err
	}()
	waitFor(t, func() error {
		if a.runs(file) == 0 {
			return fmt.Errorf("not begun")
		}
		return nil
	})
	a.killSupervisor()
	if err := <-stop; err == nil {
		t.Error("a job without an end gave no error")
	}
	halt(t, c.DataDir, 0) // it has no component yet
	a.mustBeHalted(process.Identity{})
}
