package artifact

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/singleflight"

	"stampworks.dev/services/provisioner/driver/local/trampoline"
)

const (
	askWithin = 5 * time.Second
	askAgain  = time.Minute // after a program gave no answer in time
	askBytes  = 64 << 10    // how much of an answer is read
)

// versions remembers what programs said of their version. A publisher names the
// program, so it is anything that the machine has: it is asked in a place where
// it can do no harm, and nobody waits for another's program.
type versions struct {
	through string        // the supervisor's program, which makes the place
	within  time.Duration // zero is askWithin
	flight  singleflight.Group

	mu    sync.Mutex
	known map[string]said
}

type said struct {
	changed time.Time // of the program's file
	version string    // empty when it says none
	until   time.Time // when it is asked again; zero is when its file changes
}

// AskThrough says with which stamp-supervisor programs are asked for their
// version. Without it none has one.
func (s *Store) AskThrough(program string) { s.host.versions.through = program }

// of asks the program, once as long as its file does not change.
func (v *versions) of(ctx context.Context, path string, others bool) string {
	info, err := os.Stat(path)
	if err != nil || v.through == "" {
		return ""
	}
	v.mu.Lock()
	known, has := v.known[path]
	v.mu.Unlock()
	if has && known.changed.Equal(info.ModTime()) && (known.until.IsZero() || time.Now().Before(known.until)) {
		return known.version
	}
	answer := v.flight.DoChan(path, func() (any, error) {
		// Who asked first may go away; the others still wait for the answer.
		version, inTime := v.ask(context.WithoutCancel(ctx), path, others)
		one := said{changed: info.ModTime(), version: version}
		if !inTime {
			one.until = time.Now().Add(askAgain)
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.known == nil {
			v.known = map[string]said{}
		}
		v.known[path] = one
		return version, nil
	})
	select {
	case <-ctx.Done():
		return ""
	case r := <-answer:
		version, _ := r.Val.(string) // it always is
		return version
	}
}

// ask runs the program and ends it, and what it started, when it takes too long.
// False says that it did.
func (v *versions) ask(ctx context.Context, path string, others bool) (string, bool) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(v.within, askWithin))
	defer cancel()
	as := trampoline.AskSelf
	if others { // stamps do not run it as this user either
		as = trampoline.AskNobody
	}
	out := &answer{}
	cmd := exec.CommandContext(ctx, v.through, "ask", as, path)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = "/", []string{}, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", false
	}
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it started; mostly nothing
	}
	if err != nil {
		return "", true
	}
	return versionForm.FindString(out.text.String()), true
}

// answer keeps the beginning of what is written to it, and takes no more.
type answer struct{ text bytes.Buffer }

func (a *answer) Write(p []byte) (int, error) {
	if a.text.Len()+len(p) > askBytes {
		return 0, errors.New("the answer is too long")
	}
	return a.text.Write(p)
}
