package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

// talk is a session with a python program, as a test has it.
type talk struct {
	*tenant
	input chan driver.Input
	end   context.CancelFunc
	done  chan struct{}

	mu           sync.Mutex
	said, errors strings.Builder
	result       driver.JobResult // after done, with err
	err          error
}

func (n *tenant) talk(size *driver.TerminalSize, program string, args ...string) *talk {
	n.t.Helper()
	ctx, end := context.WithCancel(n.t.Context())
	k := &talk{tenant: n, input: make(chan driver.Input), end: end, done: make(chan struct{})}
	n.t.Cleanup(func() { end(); <-k.done })
	into := func(b *strings.Builder) func([]byte) error {
		return func(p []byte) error {
			k.mu.Lock()
			defer k.mu.Unlock()
			b.Write(p)
			return nil
		}
	}
	started := make(chan struct{})
	s := driver.Session{
		Terminal: size, Input: k.input, Output: into(&k.said), Errors: into(&k.errors),
		Started: func() error { close(started); return nil },
	}
	job := driver.Job{ID: "app.attach", Component: "app", Command: append([]string{"python3", "-u", "-c", program}, args...), Env: map[string]string{"TERM": "vt100"}}
	go func() {
		defer close(k.done)
		k.result, k.err = n.d.Attach(ctx, n.ref, n.m, job, s)
	}()
	select {
	case <-started:
	case <-k.done:
		n.t.Logf("not started: %v", k.err)
	}
	return k
}

func (k *talk) types(text string) {
	select {
	case k.input <- driver.Input{Typed: []byte(text)}:
	case <-k.done:
	}
}

func (k *talk) hears(want string) {
	k.t.Helper()
	waitFor(k.t, func() error {
		k.mu.Lock()
		defer k.mu.Unlock()
		if all := k.said.String(); !strings.Contains(all, want) {
			return fmt.Errorf("heard %q, want %q", all, want)
		}
		return nil
	})
}

// ends waits for the end, with an exit code.
func (k *talk) ends(code int) {
	k.t.Helper()
	<-k.done
	if k.err != nil || k.result.ExitCode != code || k.result.TimedOut || k.result.Duration <= 0 {
		k.t.Errorf("ended %+v, %v; want exit code %d; it said %q and %q", k.result, k.err, code, k.said.String(), k.errors.String())
	}
}

// noJobs wants no record of a session to be left.
func (k *talk) noJobs() {
	k.t.Helper()
	waitFor(k.t, func() error {
		left, err := filepath.Glob(filepath.Join(k.m.Site.Dir, "jobs", "app.attach*"))
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("left behind: %v", left)
		}
		return err
	})
}

func TestAttachPipes(t *testing.T) {
	t.Parallel()
	a := newTenant(t, open(t, config(t)), "aaa")
	k := a.talk(nil, `
import os, sys
print(os.isatty(0), os.isatty(1), os.getenv("STAMPWORKS_NONCE") != None)
text = sys.stdin.read()
print(text.upper() + str(len(text))); print("oops", file=sys.stderr); sys.exit(7)`)
	k.hears("False False True")
	k.types("hello ")
	k.types("there ")
	long := strings.Repeat("0123456789", 20_000) // more than a pipe holds
	k.types(long)
	close(k.input)
	k.ends(7)
	if said := k.said.String(); !strings.Contains(said, "HELLO THERE "+long+"200012") || k.errors.String() != "oops\n" {
		t.Errorf("it said %.80q (%d), and %q", said, len(said), k.errors.String())
	}
	k.noJobs()
}

const atTerminal = `
import os, signal, sys
tty = open("/dev/tty", "r+b", buffering=0)
size = lambda: "%dx%d" % (os.get_terminal_size().lines, os.get_terminal_size().columns)
signal.signal(signal.SIGWINCH, lambda *_: tty.write(("now " + size() + "\n").encode()))
print(os.isatty(0), os.isatty(1), os.isatty(2), size(), os.environ["TERM"], os.tcgetpgrp(0) == os.getpid(), os.fstat(0).st_uid == os.getuid())
try:
    while True:
        line = sys.stdin.readline()
        if line == "": print("end"); sys.exit(3)
        print("got", line.strip())
except KeyboardInterrupt:
    print("interrupted"); sys.exit(42)
`

// TestAttachTerminal: the command has the terminal as its own, with its size, and
// Ctrl-C reaches it.
func TestAttachTerminal(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	for name, last := range map[string]struct {
		key, says string
		code      int
	}{"Ctrl-C": {"\x03", "interrupted", 42}, "Ctrl-D": {"\x04", "end", 3}} {
		a := newTenant(t, d, "aaa")
		a.ensure("python3", "-c", sleeper)
		k := a.talk(&driver.TerminalSize{Rows: 24, Columns: 80}, atTerminal)
		k.hears("True True True 24x80 vt100 True True")
		k.types("hello\r")
		k.hears("got hello\r\n")
		k.input <- driver.Input{Size: &driver.TerminalSize{Rows: 50, Columns: 132}}
		k.hears("now 50x132")
		k.types(last.key)
		k.hears(last.says)
		k.ends(last.code)
		k.noJobs()
		if a.pid() == 0 {
			t.Errorf("%s: the component ended as well", name)
		}
	}
}

// clings does not go when it is hung up, and has a child that left its session.
const clings = `
import os, signal, subprocess, sys, time
for s in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT): signal.signal(s, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)", sys.argv[1]], start_new_session=True)
print("begun"); time.sleep(3600)
`

// TestAttachEnds: whatever ends a session ends the command, and all that it
// started.
func TestAttachEnds(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	for name, one := range map[string]struct {
		how    func(k *talk)
		reason string
	}{
		"caller gone":       {func(k *talk) { k.end() }, ""},
		"component stopped": {func(k *talk) { k.must(k.d.Stop(k.t.Context(), k.ref, "app")) }, "SESSION_ENDED"},
		"component changed": {func(k *talk) { k.ensure("python3", "-c", sleeper+"\n# changed") }, "SESSION_ENDED"},
		"destroyed":         {func(k *talk) { k.must(k.d.Destroy(k.t.Context(), k.ref)) }, "SESSION_ENDED"},
		"supervisor killed": {func(k *talk) { k.killSupervisor(); k.ensure("python3", "-c", sleeper) }, "SUPERVISOR_UNAVAILABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newTenant(t, d, "aaa")
			a.ensure("python3", "-c", sleeper)
			mark := filepath.Join(a.m.Site.Dir, "mark-of-session")
			k := a.talk(&driver.TerminalSize{}, clings, mark)
			k.hears("begun")
			if marked(t, mark) != 2 {
				t.Fatalf("%d processes run, want 2", marked(t, mark))
			}
			if a.ensure("python3", "-c", sleeper); marked(t, mark) != 2 {
				t.Error("nothing was changed, and it was ended")
			}
			one.how(k)
			<-k.done
			if one.reason == "" && !errors.Is(k.err, context.Canceled) || one.reason != "" && errs.ReasonOf(k.err) != one.reason {
				t.Errorf("it ended with %+v, %v; want %s", k.result, k.err, one.reason)
			}
			waitFor(t, func() error {
				if n := marked(t, mark); n > 0 {
					return fmt.Errorf("%d of its processes still run", n)
				}
				return nil
			})
			k.noJobs()
		})
	}
}

// TestAttachEndsAfterATakeOver: a session that was open when the stamp was taken
// over is not forgotten. Without control groups its record is all there is.
func TestAttachEndsAfterATakeOver(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.Unisolated = true
	d := open(t, c)
	a := newTenant(t, d, "aaa")
	a.ensure("python3", "-c", sleeper)
	mark := filepath.Join(a.m.Site.Dir, "mark-of-session")
	k := a.talk(nil, "import time; print('begun'); time.sleep(3600)", mark)
	k.hears("begun")
	if _, err := d.Adopt(t.Context(), a.ref, "r-1"); err != nil {
		t.Fatal(err)
	}
	a.ref.Recovery = "r-1"
	a.killSupervisor()
	a.ensure("python3", "-c", sleeper)
	<-k.done
	waitFor(t, func() error {
		if n := marked(t, mark); n > 0 {
			return fmt.Errorf("%d of its processes still run", n)
		}
		return nil
	})
	k.noJobs()
}

// TestAttachEndsUnread: that nobody is there is found out though the command
// neither reads nor says anything.
func TestAttachEndsUnread(t *testing.T) {
	t.Parallel()
	a := newTenant(t, open(t, config(t)), "aaa")
	mark := filepath.Join(a.m.Site.Dir, "mark-of-session")
	k := a.talk(nil, "import time; print('begun'); time.sleep(3600)", mark)
	k.hears("begun")
	full := make(chan struct{})
	go func() {
		defer close(full)
		for range 16 {
			select {
			case k.input <- driver.Input{Typed: make([]byte, 64<<10)}:
			case <-k.done:
				return
			case <-time.After(time.Second): // nobody takes more
				return
			}
		}
	}()
	<-full
	k.end()
	waitFor(t, func() error {
		if n := marked(t, mark); n > 0 {
			return fmt.Errorf("%d of its processes still run", n)
		}
		return nil
	})
}

func TestAttachRefused(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	a := newTenant(t, d, "aaa")
	a.ensure("python3", "-c", sleeper)
	old := *a
	old.ref.Token = 0
	if k := old.talk(nil, "print(1)"); !errors.Is(k.err, driver.ErrStaleToken) {
		t.Errorf("an old token: %+v, %v", k.result, k.err)
	}
	c := a.m.Components["app"]
	job := driver.Job{ID: "app.attach", Component: "app", Command: []string{"no-such-program"}}
	if _, err := d.Attach(t.Context(), a.ref, a.m, job, driver.Session{}); errs.ReasonOf(err) != "PROGRAM_NOT_IN_ARTIFACT" {
		t.Errorf("no program of %v: %v", c.Artifact, err)
	}
	short := driver.Job{ID: "app.attach", Component: "app", Command: []string{"python3", "-c", "import time; time.sleep(3600)"}, Timeout: 200 * time.Millisecond}
	res, err := d.Attach(t.Context(), a.ref, a.m, short, driver.Session{Started: func() error { return nil }})
	if err != nil || !res.TimedOut {
		t.Errorf("too long: %+v, %v", res, err)
	}
}

// marked counts the processes that have a word among theirs.
func marked(t *testing.T, mark string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		text, _ := os.ReadFile(file) // it may have ended
		if strings.HasSuffix(string(text), "\x00"+mark+"\x00") {
			n++
		}
	}
	return n
}
