// Package lockfile takes locks that processes of this machine hold against each
// other, and does not wait for ever: who holds one may be stopped, and go on only
// when somebody notices.
//
// Whoever takes one agrees to be killed for it. A holder that is stopped (SIGSTOP,
// a debugger) is ended by who waits: it cannot go on later with what another has
// changed meanwhile, which no token could promise of an effect on the kernel. So
// locks are taken by short-lived processes only, and what is done under one is
// fine when it is cut short anywhere.
//
// The locks are those of POSIX (fcntl), for the kernel tells whose they are. A
// process loses such a lock when it closes any descriptor of the file, so a
// process has one at a time: its goroutines wait for each other first.
package lockfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver/local/process"
)

const (
	// Within is how long a lock is waited for. What is done under one takes
	// milliseconds.
	Within = 10 * time.Second
	// pollEvery is how often it is tried: to be woken by the kernel is to wait
	// without an end.
	pollEvery = 10 * time.Millisecond
)

// turns has room for the one goroutine of this process that is at a path.
var turns sync.Map // of chan struct{}, by path

// Take takes the lock of a path, for which [open] has its rules, until release is
// called. When somebody else holds it for too long, the error is of kind
// Unavailable: nothing was done, and to try again is safe.
func Take(ctx context.Context, path string) (release func(), err error) {
	limited, cancel := context.WithTimeout(ctx, Within)
	defer cancel()
	made, _ := turns.LoadOrStore(path, make(chan struct{}, 1))
	turn := made.(chan struct{})
	select {
	case turn <- struct{}{}:
	case <-limited.Done():
		return nil, busy(ctx, path)
	}
	f, err := open(path)
	if err == nil {
		if err = await(limited, f); err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		<-turn
		if limited.Err() != nil {
			err = busy(ctx, path)
		}
		return nil, err
	}
	return func() {
		_ = f.Close() // gives the lock back
		<-turn
	}, nil
}

// busy is the error of who has waited long enough.
func busy(ctx context.Context, path string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("lock %s: %w", path, ctx.Err())
	}
	return errs.New(errs.Unavailable, "HOST_BUSY", "lock %s: another process has held it for %s; see with fuser -v %s which", path, Within, path)
}

// await tries until it has the lock, or the context ends.
func await(ctx context.Context, f *os.File) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := lock(f)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EACCES) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		endStopped(f)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// whole is a write lock on all of a file.
func whole() *syscall.Flock_t { return &syscall.Flock_t{Type: syscall.F_WRLCK} }

func lock(f *os.File) error { return syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, whole()) }

// holder gives the process that holds the lock; zero when nobody does, or nobody
// that can be seen from here.
func holder(f *os.File) int {
	l := whole()
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, l); err != nil || l.Type == syscall.F_UNLCK {
		return 0
	}
	return max(int(l.Pid), 0)
}

// endStopped kills who holds the lock if it is stopped. What is asked last is who
// holds it: so the number is still that process's, and not another's by now.
func endStopped(f *os.File) {
	pid := holder(f)
	if pid == 0 || !process.Stopped(pid) {
		return
	}
	found, err := os.FindProcess(pid) // a descriptor of the process, where there are such
	if err != nil {
		return
	}
	defer func() { _ = found.Release() }() // nothing to lose
	if holder(f) == pid {
		_ = found.Kill() // who may not, waits
	}
}
