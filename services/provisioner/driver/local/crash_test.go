package local_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/host"
	"stampworks.dev/services/provisioner/driver/local/layout"
	"stampworks.dev/services/provisioner/driver/local/process"
)

// killSupervisor ends it as kill -9 does, and returns when it has ended.
func (n *tenant) killSupervisor() {
	n.t.Helper()
	resp, err := control.Call(n.t.Context(), layout.Stamp(n.m.Site.Dir), control.Request{Op: control.OpPing})
	if err != nil {
		n.t.Fatal(err)
	}
	id, err := process.Of(resp.PID)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := syscall.Kill(resp.PID, syscall.SIGKILL); err != nil {
		n.t.Fatal(err)
	}
	waitFor(n.t, func() error {
		if id.Alive() {
			return fmt.Errorf("supervisor %d still runs", id.PID)
		}
		return nil
	})
}

func (n *tenant) observe() driver.ComponentObservation {
	n.t.Helper()
	o, err := n.d.Observe(n.t.Context(), n.ref)
	if err != nil {
		n.t.Fatal(err)
	}
	return o.Components["app"]
}

// rounds of kills in one test.
const rounds = 30

const sleeper = "import time; time.sleep(3600)"

func TestKilledSupervisorIsReplaced(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	a := newTenant(t, d, "aaa")
	a.ensure("python3", "-c", sleeper)
	before := a.observe()
	a.killSupervisor()
	if after := a.observe(); !reflect.DeepEqual(after, before) {
		t.Errorf("without a supervisor: %+v, was %+v", after, before)
	}
	part := filepath.Join(a.m.Site.Dir, ".new-1") // killed while it wrote
	if err := os.WriteFile(part, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.ensure("python3", "-c", sleeper)
	if _, err := os.Lstat(part); !os.IsNotExist(err) {
		t.Errorf("what the killed one was writing is left: %v", err)
	}
	if after := a.observe(); !reflect.DeepEqual(after, before) {
		t.Errorf("after adoption: %+v, was %+v", after, before)
	}
	if err := syscall.Kill(before.PIDs[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() error {
		if o := a.observe(); !o.Running || o.Restarts != 1 {
			return fmt.Errorf("an adopted process was not restarted: %+v", o)
		}
		return nil
	})
	a.killSupervisor()
	older := a.ref
	older.Token = 0
	if err := d.Stop(t.Context(), older, "app"); err == nil {
		t.Error("the next supervisor forgot the token")
	}
}

// TestRestartsAreCountedOn: neither the end of a supervisor nor a stop begins the
// count anew, another definition does.
func TestRestartsAreCountedOn(t *testing.T) {
	t.Parallel()
	a := newTenant(t, open(t, config(t)), "aaa")
	a.ensure("python3", "-c", sleeper)
	counts := func(when string, want int) {
		t.Helper()
		waitFor(t, func() error {
			if o := a.observe(); !o.Running || o.Restarts != want {
				return fmt.Errorf("%s: observed %+v, want %d restarts", when, o, want)
			}
			return nil
		})
	}
	kill := func() {
		t.Helper()
		a.must(syscall.Kill(a.observe().PIDs[0], syscall.SIGKILL))
	}
	kill()
	counts("killed", 1)
	a.killSupervisor()
	a.ensure("python3", "-c", sleeper)
	counts("adopted", 1)
	kill()
	counts("killed after that", 2)
	a.must(a.d.Stop(t.Context(), a.ref, "app"))
	a.killSupervisor()
	a.ensure("python3", "-c", sleeper)
	counts("stopped and started", 2)
	a.ensure("python3", "-c", sleeper+" # of another revision")
	counts("of another definition", 0)
}

func TestKeeperReplacesSupervisor(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	a := newTenant(t, d, "aaa")
	a.ensure("python3", "-c", sleeper)
	before := a.observe()
	a.killSupervisor()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	waitFor(t, func() error {
		_, err := control.Call(ctx, layout.Stamp(a.m.Site.Dir), control.Request{Op: control.OpPing})
		return err
	})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if after := a.observe(); !reflect.DeepEqual(after, before) {
		t.Errorf("after adoption: %+v, was %+v", after, before)
	}
}

// TestKillsAtAnyMoment kills the supervisor while it is busy, again and again:
// in the end there is one process of the last wish, and nothing else.
func TestKillsAtAnyMoment(t *testing.T) {
	d := open(t, config(t))
	needRoot(t, d)
	a := newTenant(t, d, "aaa")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range rounds {
		c := a.m.Components["app"]
		c.Command = []string{"python3", "-c", sleeper, fmt.Sprint(i)}
		a.m.Components["app"] = c
		resp, err := control.Call(t.Context(), layout.Stamp(a.m.Site.Dir), control.Request{Op: control.OpPing})
		if err == nil {
			delay := time.Duration(random.IntN(60)) * time.Millisecond
			time.AfterFunc(delay, func() { _ = syscall.Kill(resp.PID, syscall.SIGKILL) })
		}
		_ = d.Ensure(t.Context(), a.ref, a.m, "app") // it may well fail
	}
	if err := d.Ensure(t.Context(), a.ref, a.m, "app"); err != nil {
		waitFor(t, func() error { return d.Ensure(t.Context(), a.ref, a.m, "app") })
	}
	waitFor(t, func() error {
		pids, err := process.OfUser(a.m.Site.UserID)
		o := a.observe()
		if err != nil || len(pids) != 1 || !reflect.DeepEqual(pids, o.PIDs) {
			return fmt.Errorf("processes %v, %w, observed %+v", pids, err, o)
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pids[0]))
		if err != nil || !strings.HasSuffix(string(text), "\x00"+fmt.Sprint(rounds-1)+"\x00") {
			return fmt.Errorf("command %q, %w", text, err)
		}
		return nil
	})
}

// once appends a line to a file, so that runs can be counted, and waits.
const once = `
import sys, time
open(sys.argv[1], "a").write("ran\n")
time.sleep(float(sys.argv[2]))
print("done")
`

func (n *tenant) runs(file string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	return strings.Count(string(text), "ran")
}

func TestJobSurvivesProvisioner(t *testing.T) {
	t.Parallel()
	c := config(t)
	d := open(t, c)
	a := newTenant(t, d, "aaa")
	file := filepath.Join(a.m.Site.Volumes["app.data"], "runs")
	job := driver.Job{ID: "app.setup-1", Component: "app", Command: []string{"python3", "-c", once, file, "0.5"}}
	ctx, cancel := context.WithCancel(t.Context())
	stop := make(chan error, 1)
	go func() {
		_, err := d.RunJob(ctx, a.ref, a.m, job)
		stop <- err
	}()
	waitFor(t, func() error {
		if a.runs(file) == 0 {
			return fmt.Errorf("not begun")
		}
		return nil
	})
	cancel()
	if err := <-stop; err == nil {
		t.Error("RunJob outlived its context")
	}
	r, err := open(t, c).RunJob(t.Context(), a.ref, a.m, job)
	if err != nil || r.ExitCode != 0 || strings.Join(r.Output, "") != "done" {
		t.Errorf("result %+v, %v", r, err)
	}
	if n := a.runs(file); n != 1 {
		t.Errorf("ran %d times, want once", n)
	}
}

func TestJobCutShortRunsAgain(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
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
	job.Command[len(job.Command)-1] = "0"
	r, err := d.RunJob(t.Context(), a.ref, a.m, job)
	if err != nil || r.ExitCode != 0 {
		t.Errorf("result %+v, %v", r, err)
	}
	if n := a.runs(file); n != 2 {
		t.Errorf("ran %d times, want twice", n)
	}
	if a.m.Site.UserID == 0 {
		return
	}
	if left, err := process.OfUser(a.m.Site.UserID); err != nil || len(left) != 0 {
		t.Errorf("left of the job: %v, %v", left, err)
	}
}

func TestRebootBringsAllBack(t *testing.T) {
	t.Parallel()
	c := config(t)
	d := open(t, c)
	a := newTenant(t, d, "aaa")
	a.ensure("python3", "-c", sleeper)
	before := a.observe()
	a.killSupervisor()
	if err := syscall.Kill(before.PIDs[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	a.d = open(t, c)
	if wishes, err := a.d.Manifests(t.Context()); err != nil || len(wishes) != 1 || !reflect.DeepEqual(wishes[0].Components, a.m.Components) {
		t.Errorf("manifests on disk are %+v, %v", wishes, err)
	}
	if after := a.observe(); !after.Running || after.Digest != before.Digest || after.PIDs[0] == before.PIDs[0] {
		t.Errorf("after New: %+v, was %+v", after, before)
	}
}

const daemon = `
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(3600)
    os._exit(0)
time.sleep(3600)
`

func TestStopEndsWhatRanAway(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	needRoot(t, d)
	a := newTenant(t, d, "aaa")
	a.ensure("python3", "-c", daemon)
	waitFor(t, func() error {
		if pids, err := process.OfUser(a.m.Site.UserID); err != nil || len(pids) != 2 {
			return fmt.Errorf("processes %v, %w", pids, err)
		}
		return nil
	})
	if err := d.Stop(t.Context(), a.ref, "app"); err != nil {
		t.Fatal(err)
	}
	if left, err := process.OfUser(a.m.Site.UserID); err != nil || len(left) != 0 {
		t.Errorf("after Stop: %v, %v", left, err)
	}
}

func TestStubbornProcessIsKilled(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	a := newTenant(t, d, "aaa")
	c := a.m.Components["app"]
	c.StopGrace = 300 * time.Millisecond
	a.m.Components["app"] = c
	a.ensure("python3", "-c", "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(3600)")
	waitLog(t, a, "deaf")
	began := time.Now()
	if err := d.Stop(t.Context(), a.ref, "app"); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 300*time.Millisecond || took > 5*time.Second || a.observe().Running {
		t.Errorf("stopped after %v: %+v", took, a.observe())
	}
}

func TestRestartsAreSpacedAndExplained(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	a := newTenant(t, d, "aaa")
	a.ensure("python3", "-c", "print('no database', flush=True); raise SystemExit(3)")
	waitFor(t, func() error {
		o := a.observe()
		if o.Restarts < 2 || o.LastExit != "exit status 3" || o.Running || len(o.LastLines) == 0 || o.LastLines[0] != "no database" {
			return fmt.Errorf("observed %+v", o)
		}
		return nil
	})
}

func TestMissingProgramIsSaid(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	a := newTenant(t, d, "aaa")
	for _, word := range []string{"nosuchprogram", "../bin/sh", "/bin/sh"} {
		c := a.m.Components["app"]
		c.Command = []string{word}
		a.m.Components["app"] = c
		if err := d.Ensure(t.Context(), a.ref, a.m, "app"); err == nil || !strings.Contains(err.Error(), "find program") {
			t.Errorf("Ensure of %q = %v", word, err)
		}
	}
}

func TestDestroyLeavesNothing(t *testing.T) {
	t.Parallel()
	c := config(t)
	d := open(t, c)
	a := newTenant(t, d, "aaa")
	a.ensure("python3", "-c", sleeper)
	a.killSupervisor()
	if err := d.Destroy(t.Context(), a.ref); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(a.m.Site.Dir); !os.IsNotExist(err) {
		t.Errorf("directory: %v", err)
	}
	if user := a.m.Site.UserID; user != 0 {
		if left, err := process.OfUser(user); err != nil || len(left) != 0 {
			t.Errorf("processes %v, %v", left, err)
		}
	}
	instance, err := os.ReadFile(filepath.Join(c.DataDir, host.InstanceFile))
	if err != nil {
		t.Fatal(err)
	}
	group := string(instance[:8]) + "-" + a.ref.Tenant // other test processes have tenants of that name, too
	for _, pattern := range []string{"/sys/fs/cgroup/*/stampworks/", "/sys/fs/cgroup/stampworks/"} {
		if left, err := filepath.Glob(pattern + group); err != nil || len(left) != 0 {
			t.Errorf("control groups %v, %v", left, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(c.HostDir, "allocations.json"))
	if err != nil || strings.Contains(string(text), `"tenant": "`+a.ref.Tenant+`"`) {
		t.Errorf("host file: %s, %v", text, err)
	}
}

func TestRemovedDirectoryEndsTheStamp(t *testing.T) {
	t.Parallel()
	c := config(t)
	d := open(t, c)
	a := newTenant(t, d, "aaa")
	a.ensure("python3", "-c", sleeper)
	before, err := process.Of(a.pid())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(c.DataDir); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() error {
		if before.Alive() {
			return fmt.Errorf("process %d still runs", before.PID)
		}
		return nil
	})
}

func TestTwoInstancesShareTheHost(t *testing.T) {
	t.Parallel()
	one, two := config(t), config(t)
	a, b := newNamed(t, open(t, one), "same"), newNamed(t, open(t, two), "same")
	if a.m.Site.UserID != 0 && a.m.Site.UserID == b.m.Site.UserID || a.m.Site.PublicURL == b.m.Site.PublicURL || a.m.Site.Binds["app.sql"] == b.m.Site.Binds["app.sql"] {
		t.Errorf("two cells gave the same: %+v %+v", a.m.Site, b.m.Site)
	}
}

func TestDeepDataDirectory(t *testing.T) {
	t.Parallel()
	top, err := os.MkdirTemp("/var/tmp", "stampworks-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(top); err != nil {
			t.Error(err)
		}
	})
	c := config(t)
	c.DataDir = filepath.Join(top, strings.Repeat("deep/", 30))
	d := open(t, c)
	a := newTenant(t, d, "aaa")
	code, out := a.python("import socket,sys; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]+'/.s.PGSQL.5432'); print('bound')", a.m.Site.Tmp["app"])
	if a.m.Site.UserID != 0 && out != "bound" {
		t.Errorf("socket in %s: %d %s", a.m.Site.Tmp["app"], code, out)
	}
	a.ensure("python3", "-c", sleeper)
	if !a.observe().Running {
		t.Errorf("observed %+v", a.observe())
	}
}
