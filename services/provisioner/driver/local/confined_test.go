package local_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stampworks.dev/services/provisioner/driver/local/cgroup"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// confinement says what the kernel lets a process do, and what was left to it.
const confinement = `
import os, resource, time
status = dict(l.split(":", 1) for l in open("/proc/self/status") if ":" in l)
def say(name, value): print(name + "=" + str(value).strip(), flush=True)
say("new privileges forbidden", status["NoNewPrivs"])
say("umask", oct(os.umask(0)))
say("groups", os.getgroups())
say("effective capabilities", status["CapEff"])
say("core", resource.getrlimit(resource.RLIMIT_CORE))
say("files", resource.getrlimit(resource.RLIMIT_NOFILE)[1] <= 65536)
say("processes", resource.getrlimit(resource.RLIMIT_NPROC))
say("environment", sorted(os.environ))
say("session leader", os.getsid(0) == os.getpid())
def at(f):
    try: return f + ":" + os.readlink("/proc/self/fd/" + f)
    except OSError: return "" # the listing's own
say("open files", [f for f in map(at, sorted(os.listdir("/proc/self/fd"))) if f and f.split(":")[0] not in ("0", "1", "2")])
say("standard input", os.readlink("/proc/self/fd/0"))
print("said", flush=True)
`

// confined is what is true of every process of a stamp with a user of its own.
var confined = []string{
	"new privileges forbidden=1", "umask=0o77", "groups=[]", "effective capabilities=0000000000000000",
	"core=(0, 0)", "files=True", "processes=(4096, 4096)", "session leader=True",
	"environment=['HOME', 'LANG', 'LOGNAME', 'PATH', 'STAMPWORKS_NONCE', 'STAMPWORKS_REPLICA', 'TMPDIR', 'USER']",
	"open files=[]", "standard input=/dev/null",
}

func TestProcessesAreConfined(t *testing.T) {
	t.Setenv("SECRET", "of the provisioner")
	if fd, err := syscall.Open("/dev/zero", syscall.O_RDONLY, 0); err != nil { // not to be closed on exec
		t.Fatal(err)
	} else {
		t.Cleanup(func() { _ = syscall.Close(fd) })
	}
	d := open(t, config(t))
	a := newTenant(t, d, "aaa")
	_, job := a.python(confinement)
	a.ensure("python3", "-c", confinement+"time.sleep(3600)")
	log := filepath.Join(a.m.Site.Dir, "components", "app", "log", "current.log")
	var component string
	waitFor(t, func() error {
		text, err := os.ReadFile(log)
		if component = string(text); err != nil || !strings.Contains(component, "said") {
			return fmt.Errorf("log is %q, %w", text, err)
		}
		return nil
	})
	for what, said := range map[string]string{"job": job, "component": component} {
		for _, want := range confined {
			name, _, _ := strings.Cut(want, "=")
			if a.m.Site.UserID == 0 && (name == "groups" || name == "effective capabilities" || name == "processes") {
				continue // it shares its user
			}
			if !strings.Contains("\n"+said+"\n", "\n"+want+"\n") {
				t.Errorf("%s: want %s in:\n%s", what, want, said)
			}
		}
	}
}

// fork forks until it is refused, and says how often it was not.
const fork = `
import os, time
n = 0
try:
    while n < 6000:
        if os.fork() == 0: time.sleep(3600)
        n += 1
except OSError: pass
print(n, flush=True)
`

func TestProcessesAreCounted(t *testing.T) {
	d := open(t, config(t))
	needRoot(t, d)
	a := newTenant(t, d, "aaa")
	if a.m.Site.Isolation["memory"] == "NONE" {
		t.Skip("needs control groups")
	}
	code, out := a.python(fork)
	var n int
	if _, err := fmt.Sscan(out, &n); err != nil || n < 100 || n >= 1024 {
		t.Errorf("forked %s times (%d, %v), want less than 1024", out, code, err)
	}
	a.mustHaveNone("after a fork bomb")
}

// TestGroupHasLimits reads what the kernel was told of a component.
func TestGroupHasLimits(t *testing.T) {
	d := open(t, config(t))
	needRoot(t, d)
	a := newTenant(t, d, "aaa")
	c := a.m.Components["app"]
	c.MemoryBytes, c.CPUMillis, c.Replicas = 64<<20, 200, 2
	a.m.Components["app"] = c
	a.ensure("python3", "-c", sleeper)
	r, err := control.ReadRecord(layout.Stamp(a.m.Site.Dir))
	if err != nil {
		t.Fatal(err)
	}
	g := filepath.Join(r.Settings.Groups.Name, "app")
	want := map[string]string{
		filepath.Join("/sys/fs/cgroup/pids", g, "pids.max"): "1024", filepath.Join("/sys/fs/cgroup/cpu", g, "cpu.cfs_quota_us"): "40000",
		filepath.Join("/sys/fs/cgroup/memory", g, "memory.limit_in_bytes"): fmt.Sprint(128 << 20),
		filepath.Join("/sys/fs/cgroup/memory", g, "memory.swappiness"):     "0",
	}
	switch r.Settings.Groups.Version {
	case cgroup.None:
		t.Skip("needs control groups")
	case cgroup.V2:
		want = map[string]string{
			filepath.Join("/sys/fs/cgroup", g, "pids.max"): "1024", filepath.Join("/sys/fs/cgroup", g, "cpu.max"): "40000 100000",
			filepath.Join("/sys/fs/cgroup", g, "memory.max"): fmt.Sprint(128 << 20),
		}
	}
	for file, text := range want {
		if got, err := os.ReadFile(file); err != nil || strings.TrimSpace(string(got)) != text {
			t.Errorf("%s is %q, %v, want %s", file, got, err, text)
		}
	}
}
