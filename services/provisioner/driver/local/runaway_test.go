package local_test

import (
	"fmt"
	"testing"

	"stampworks.dev/services/provisioner/driver/local/cgroup"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
	"stampworks.dev/services/provisioner/driver/local/process"
)

// runaway leaves a process that nothing of its parent's tells: another session,
// and no environment. Then it waits, or ends.
const runaway = `
import os, sys, time
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.set_inheritable(write, True)
        os.execve(sys.executable, [sys.executable, "-c", "import os, time; os.write(%d, b'x'); time.sleep(3600)" % write], {})
    os._exit(0)
os.read(read, 1)
print("away", flush=True)
if sys.argv[1] == "wait": time.sleep(3600)
`

func (n *tenant) processes() []int {
	n.t.Helper()
	pids, err := process.OfUser(n.m.Site.UserID)
	if err != nil {
		n.t.Fatal(err)
	}
	return pids
}

func (n *tenant) runAway(replicas int) {
	n.t.Helper()
	c := n.m.Components["app"]
	c.Replicas = replicas
	n.m.Components["app"] = c
	n.ensure("python3", "-c", runaway, "wait")
	waitFor(n.t, func() error {
		if pids := n.processes(); len(pids) != 2*replicas {
			return fmt.Errorf("processes %v", pids)
		}
		return nil
	})
}

func (n *tenant) mustHaveNone(when string) {
	n.t.Helper()
	if left := n.processes(); len(left) != 0 {
		n.t.Errorf("%s: processes %v", when, left)
	}
}

func (n *tenant) stop() {
	n.t.Helper()
	if err := n.d.Stop(n.t.Context(), n.ref, "app"); err != nil {
		n.t.Fatal(err)
	}
}

// withoutGroups takes the stamp's control groups away from its supervisor.
func (n *tenant) withoutGroups() {
	n.t.Helper()
	r, err := control.ReadRecord(layout.Stamp(n.m.Site.Dir))
	if err != nil {
		n.t.Fatal(err)
	}
	r.Settings.Groups = cgroup.Tree{}
	if _, err := control.Call(n.t.Context(), layout.Stamp(n.m.Site.Dir), control.Request{Op: control.OpReserve, Token: n.ref.Token, Settings: &r.Settings}); err != nil {
		n.t.Fatal(err)
	}
}

func TestNothingOutlivesStop(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*tenant){
		"control groups":    func(*tenant) {},
		"no control groups": (*tenant).withoutGroups,
	} {
		for _, replicas := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, %d replicas", name, replicas), func(t *testing.T) {
				t.Parallel()
				d := open(t, config(t))
				needRoot(t, d)
				a := newTenant(t, d, "aaa")
				prepare(a)
				a.runAway(replicas)
				a.stop()
				a.mustHaveNone("after Stop")
				a.runAway(replicas)
				a.killSupervisor()
				a.stop()
				a.mustHaveNone("after Stop of what was adopted")
			})
		}
	}
}

func TestNothingOutlivesJobs(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	needRoot(t, d)
	for name, prepare := range map[string]func(*tenant){
		"control groups":    func(*tenant) {},
		"no control groups": (*tenant).withoutGroups,
	} {
		a := newTenant(t, d, "aaa")
		prepare(a)
		if code, out := a.python(runaway, "end"); code != 0 || out != "away" {
			t.Fatalf("%s: job %d %s", name, code, out)
		}
		a.mustHaveNone(name + ", after the last job")
	}
}

// TestJobsLeaveComponentsAlone: what is ended after a job is the job's.
func TestJobsLeaveComponentsAlone(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	needRoot(t, d)
	a := newTenant(t, d, "aaa")
	a.runAway(2)
	before := a.observe()
	for range 3 {
		if code, out := a.python(runaway, "end"); code != 0 {
			t.Fatalf("job %d %s", code, out)
		}
	}
	if after := a.observe(); len(a.processes()) != 4 || after.Restarts != 0 || fmt.Sprint(after.PIDs) != fmt.Sprint(before.PIDs) {
		t.Errorf("after jobs %+v with processes %v, was %+v", after, a.processes(), before)
	}
}
