// Package flock takes locks that processes of this machine hold against each
// other, and does not wait for ever: who holds one may be stopped, and go on
// only when somebody notices.
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"stampworks.dev/pkg/errs"
)

const (
	// Within is how long a lock is waited for. What is done under one takes
	// milliseconds.
	Within = 10 * time.Second
	// pollEvery is how often it is tried: to be woken by the kernel is to wait
	// without an end.
	pollEvery = 10 * time.Millisecond
)

// Open opens the file of a lock, which is made when it is missing. It is the
// caller's own and nobody else can open it: who can, can lock it, too. What is
// no such file, a link among them, is refused. The directory must not be
// writable by others.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = own(info, 0o077)
	}
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a plain file")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w; look who made it, and remove it", path, err), f.Close())
	}
	return f, nil
}

// Dir makes a directory for locks, or makes sure of one that is there: a
// directory, the caller's, and not writable by others.
func Dir(path string) error {
	err := os.Mkdir(path, 0o700)
	if err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w; its parent must be there and be writable", err)
	}
	info, err := os.Lstat(path)
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a directory")
	}
	if err == nil {
		err = own(info, 0o022)
	}
	if err != nil {
		return fmt.Errorf("use %s for locks: %w; look who made it, and remove it", path, err)
	}
	return nil
}

// own wants what is there to be the caller's, and none of the bits to be set.
func own(info os.FileInfo, none os.FileMode) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to user %d", stat.Uid)
	}
	if info.Mode().Perm()&none != 0 {
		return fmt.Errorf("its mode %o lets others in", info.Mode().Perm())
	}
	return nil
}

// Take locks the file, which gives the lock back when it is closed. When
// somebody else holds it for too long, the error is of kind Unavailable:
// nothing was done, and to try again is safe.
func Take(ctx context.Context, f *os.File) error {
	limited, cancel := context.WithTimeout(ctx, Within)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		select {
		case <-limited.Done():
			if ctx.Err() != nil {
				return fmt.Errorf("lock %s: %w", f.Name(), ctx.Err())
			}
			return errs.New(errs.Unavailable, "HOST_BUSY",
				"lock %s: another process has held it for %s; see with fuser -v %s which, and whether it is stopped", f.Name(), Within, f.Name())
		case <-tick.C:
		}
	}
}
