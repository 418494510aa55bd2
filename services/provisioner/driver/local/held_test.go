package local_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stampworks.dev/services/provisioner/driver"
)

// holder takes every lock that its user can take, says so, and keeps them.
const holder = `
import fcntl, os, stat, sys, time
held = []
def take(path):
    try:
        if not stat.S_ISREG(os.stat(path).st_mode) and not path.startswith("/proc"): return
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held.append(path)
    except OSError: pass
for kind in os.listdir("/proc/self/ns"): take("/proc/self/ns/" + kind)
for top in sys.argv[1:]:
    take(top)
    for at, dirs, files in os.walk(top):
        for name in files: take(os.path.join(at, name))
print("held", sorted(set(held)), flush=True)
print("that is all", flush=True)
time.sleep(3600)
`

// TestTenantsHoldNobodyUp: a tenant that holds all locks it can does not delay
// what is done for another.
func TestTenantsHoldNobodyUp(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	d := open(t, cfg)
	needRoot(t, d)
	a := newTenant(t, d, "aaa")
	a.ensure("python3", "-c", holder, "/run", "/var/lock", "/tmp", "/dev/shm", cfg.HostDir, cfg.DataDir)
	log := filepath.Join(a.m.Site.Dir, "components", "app", "log", "current.log")
	waitFor(t, func() error { return says(log, "that is all") })
	if err := says(log, "/proc/self/ns/net"); err != nil {
		t.Error(err) // it is the reason for this test
	}
	b := newTenant(t, d, "bbb")
	b.must(d.Destroy(t.Context(), b.ref))
	for _, own := range []string{"stampworks/net-", cfg.HostDir} {
		if says(log, own) == nil {
			t.Errorf("it holds what is the provisioner's, of %s", own)
		}
	}
}

// says wants a file to have a text in it.
func says(path, want string) error {
	text, err := os.ReadFile(path)
	if err == nil && !strings.Contains(string(text), want) {
		err = fmt.Errorf("%s says %q, want %q", path, text, want)
	}
	return err
}

// floods says more than anybody's buffers hold, and does not mind.
const floods = `
import os, signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
while True: os.write(1, b"x" * 65536)
`

// TestReadersHoldNobodyUp: somebody who is joined to a command and does not read
// what it says keeps nobody from stopping the stamp, or from destroying it.
func TestReadersHoldNobodyUp(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	for name, end := range map[string]func(context.Context, *tenant) error{
		"stop":    func(ctx context.Context, n *tenant) error { return n.d.Stop(ctx, n.ref, "app") },
		"destroy": func(ctx context.Context, n *tenant) error { return n.d.Destroy(ctx, n.ref) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newTenant(t, d, "aaa")
			a.ensure("python3", "-c", sleeper)
			said, read, done := make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
			job := driver.Job{ID: "app.attach", Component: "app", Command: []string{"python3", "-c", floods}}
			go func() {
				defer close(done)
				_, err := d.Attach(t.Context(), a.ref, a.m, job, driver.Session{
					Started: func() error { return nil },
					Output: func([]byte) error {
						select {
						case said <- struct{}{}:
						default:
						}
						<-read
						return nil
					},
				})
				if err == nil {
					t.Error("a session that was cut has no error")
				}
			}()
			<-said
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if err := end(ctx, a); err != nil {
				t.Error(err)
			}
			close(read)
			<-done
		})
	}
}
