package local_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"stampworks.dev/pkg/testkit"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local"
	"stampworks.dev/services/provisioner/driver/local/firewall"
	"stampworks.dev/services/provisioner/driver/local/host"
	"stampworks.dev/services/provisioner/driver/local/process"
)

// narrow is a cell of a host with one user and one address to give.
func narrow(t *testing.T) local.Config {
	c := config(t)
	c.HostDir = t.TempDir()
	user := 700000 + os.Getpid()%1000
	c.UserRange = host.Range{First: user, Last: user}
	c.AddressPool = fmt.Sprintf("127.%d.200.0/30", 128+os.Getpid()%64)
	return c
}

// gate is a cell whose next change of the host waits at it.
type gate struct {
	t   *testing.T
	dir string
	cfg local.Config
}

func newGate(t *testing.T, c local.Config) *gate {
	g := &gate{t: t, dir: t.TempDir(), cfg: c}
	was := filepath.Dir(c.Supervisor)
	g.cfg.Supervisor = filepath.Join(g.dir, "stamp-supervisor")
	script := fmt.Sprintf("#!/bin/sh\nif rmdir %[1]s/closed 2>/dev/null; then echo here >%[1]s/at; read word <%[1]s/on; fi\nexec %[2]s/stamp-host\n", g.dir, was)
	g.must(os.Symlink(c.Supervisor, g.cfg.Supervisor))
	g.must(os.WriteFile(filepath.Join(g.dir, "stamp-host"), []byte(script), 0o700))
	g.must(syscall.Mkfifo(filepath.Join(g.dir, "at"), 0o600))
	g.must(syscall.Mkfifo(filepath.Join(g.dir, "on"), 0o600))
	return g
}

func (g *gate) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// close lets the next change wait.
func (g *gate) close() { g.must(os.Mkdir(filepath.Join(g.dir, "closed"), 0o700)) }

// await returns when it is there.
func (g *gate) await() {
	_, err := os.ReadFile(filepath.Join(g.dir, "at"))
	g.must(err)
}

// open lets it go on.
func (g *gate) open() { g.must(os.WriteFile(filepath.Join(g.dir, "on"), []byte("on\n"), 0o600)) }

// TestLateDestroyTouchesNobodyElse: a replica stopped in the middle of a
// destruction whose directory is gone, while another finished it, and the number
// was given to somebody else.
func TestLateDestroyTouchesNobodyElse(t *testing.T) {
	for name, collected := range map[string]bool{"another replica": false, "another instance": true} {
		t.Run(name, func(t *testing.T) {
			c := narrow(t)
			g := newGate(t, c)
			d := open(t, g.cfg)
			needRoot(t, d)
			a := newTenant(t, d, "aaa")
			a.ensure("python3", "-c", sleeper)
			user := a.m.Site.UserID
			halt(t, c.DataDir, 1)
			gone := c.DataDir
			if !collected {
				gone = a.m.Site.Dir
			}
			if err := os.RemoveAll(gone); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			g.close()
			go func() { done <- d.Destroy(ctx, a.ref) }()
			g.await()
			next := c
			if collected {
				next.DataDir = t.TempDir()
			}
			two := open(t, next) // collects
			if !collected {
				short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				if err := two.Destroy(short, a.ref); err != nil {
					t.Logf("the other replica waits: %v", err)
					g.open()
					if err := <-done; err != nil {
						t.Error(err)
					}
					return
				}
			}
			n := newTenant(t, two, "bbb")
			n.ensure("python3", "-c", sleeper)
			pid, err := process.Of(n.pid())
			if err != nil {
				t.Fatal(err)
			}
			if n.m.Site.UserID != user {
				t.Fatalf("user %d, not %d", n.m.Site.UserID, user)
			}
			o := firewall.Owner{User: user, Address: n.m.Site.Binds["app.sql"].Host}
			before, err := firewall.Holds(o)
			if err != nil {
				t.Fatal(err)
			}
			g.open()
			if err := <-done; err != nil {
				t.Logf("late Destroy: %v", err)
			}
			if !pid.Alive() {
				t.Errorf("a process of %s was killed by the late destruction of %s", n.ref.Tenant, a.ref.Tenant)
			}
			if after, err := firewall.Holds(o); err != nil || after != before {
				t.Errorf("firewall elements of %s: %d, were %d, %v", n.ref.Tenant, after, before, err)
			}
		})
	}
}

// TestAwayForAWhile: the disk of one instance is not mounted while another one
// starts, and comes back: its stamps still have their users, addresses and walls.
func TestAwayForAWhile(t *testing.T) {
	c := narrow(t)
	c.UserRange.Last += 5
	c.AddressPool = fmt.Sprintf("127.%d.201.0/28", 128+os.Getpid()%64)
	d := open(t, c)
	needRoot(t, d)
	a := newTenant(t, d, "aaa")
	a.ensure("python3", "-c", sleeper)
	o := firewall.Owner{User: a.m.Site.UserID, Address: a.m.Site.Binds["app.sql"].Host}
	before, err := firewall.Holds(o)
	if err != nil {
		t.Fatal(err)
	}
	halt(t, c.DataDir, 1)
	away := c.DataDir + ".away"
	if err := os.Rename(c.DataDir, away); err != nil {
		t.Fatal(err)
	}
	next := c
	next.DataDir = t.TempDir()
	two := open(t, next)
	if err := os.Rename(away, c.DataDir); err != nil {
		t.Fatal(err)
	}
	again := open(t, c)
	if err := again.Ensure(t.Context(), a.ref, a.m, "app"); err != nil {
		t.Fatal(err)
	}
	if after, err := firewall.Holds(o); err != nil || after != before {
		t.Errorf("firewall elements: %d, were %d, %v", after, before, err)
	}
	for i := range 4 { // all others of the range
		n, err := two.Reserve(t.Context(), driver.Ref{Tenant: fmt.Sprint("x", i), UID: fmt.Sprint("x", i), Token: 1}, request("app"))
		if err == nil {
			t.Logf("x%d: user %d, %s", i, n.UserID, n.Binds["app.sql"].Host)
			defer func() {
				_ = two.Destroy(context.Background(), driver.Ref{Tenant: fmt.Sprint("x", i), UID: fmt.Sprint("x", i), Token: 1})
			}()
		}
	}
	site, err := again.Reserve(t.Context(), a.ref, request("app"))
	if err != nil || site.UserID != a.m.Site.UserID {
		t.Errorf("user %d, was %d; its data belongs to %d: %v", site.UserID, a.m.Site.UserID, a.m.Site.UserID, err)
	}
}

const bomb = `
import os, time, sys
d = sys.argv[1]
def work(n):
    i = 0
    while True:
        p = d + "/" + "/".join(["x%d_%d" % (n, i)] * 3)
        try: os.makedirs(p); open(p + "/f", "w").write("x")
        except OSError: pass
        i += 1
        if i % 20 == 0:
            try:
                if os.fork() == 0: os.setsid()
                else: os._exit(0)
            except OSError: time.sleep(0.001)
for n in range(40):
    try:
        if os.fork() == 0:
            os.setsid(); work(n)
    except OSError: pass
time.sleep(3600)
`

// TestBombDestroyed: what makes processes and directories as fast as it can, each
// in a session of its own, is gone all the same.
func TestBombDestroyed(t *testing.T) {
	c := narrow(t)
	c.AddressPool = fmt.Sprintf("127.%d.202.0/28", 128+os.Getpid()%64)
	d := open(t, c)
	needRoot(t, d)
	a := newTenant(t, d, "aaa")
	a.ensure("python3", "-c", bomb, a.m.Site.Volumes["app.data"])
	testkit.Eventually(t, 20*time.Second, func() error {
		if pids, err := process.OfUser(a.m.Site.UserID); err != nil || len(pids) < 20 {
			return fmt.Errorf("%d processes, %w", len(pids), err)
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	if err := d.Destroy(ctx, a.ref); err != nil {
		t.Error(err)
	}
	pids, err := process.OfUser(a.m.Site.UserID)
	if left := a.left(c); len(left) > 0 || len(pids) > 0 || err != nil {
		t.Errorf("left: %v, processes %v, %v", left, pids, err)
	}
}
