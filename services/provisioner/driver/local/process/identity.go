package process

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// Identity is one process, for ever: a pid is given out again, but not with
// the same start time in the same boot.
type Identity struct {
	PID   int    `json:"pid"`
	Start string `json:"start"` // boot id and clock ticks since boot
}

// Of gives the identity of a running process.
func Of(pid int) (Identity, error) {
	start, state, err := stat(pid)
	if err != nil {
		return Identity{}, err
	}
	if state == 'Z' || state == 'X' {
		return Identity{}, fmt.Errorf("identify process %d: it has ended", pid)
	}
	return Identity{PID: pid, Start: start}, nil
}

// Alive is true while it runs; a zombie does not.
func (i Identity) Alive() bool {
	if i.PID <= 0 {
		return false
	}
	now, err := Of(i.PID)
	return err == nil && now.Start == i.Start
}

// Stopped says whether a process is held where it is: by a signal (SIGSTOP), or by
// a debugger.
func Stopped(pid int) bool {
	_, state, err := stat(pid)
	return err == nil && (state == 'T' || state == 't')
}

// Wait returns when the process has ended, whoever its parent is. The caller
// never learns how: only a parent does.
func (i Identity) Wait(ctx context.Context) error {
	if err := i.waitFD(ctx); !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return poll(ctx, 100*time.Millisecond, func() bool { return !i.Alive() })
}

// SignalGroup sends a signal to all of a process group. No such group is fine.
func SignalGroup(pgid int, sig syscall.Signal) {
	if pgid > 1 {
		_ = syscall.Kill(-pgid, sig) // ESRCH is the wished end; EPERM cannot be with our own
	}
}

// GroupEmpty is true when a process group has no member left that runs. What
// has ended counts as a member for the kernel until its parent, perhaps a slow
// one, has asked how.
func GroupEmpty(pgid int) bool {
	return pgid <= 1 || errors.Is(syscall.Kill(-pgid, 0), syscall.ESRCH) || !groupRuns(pgid)
}

// EndGroup kills a process group and returns when it is empty.
func EndGroup(ctx context.Context, pgid int) error {
	SignalGroup(pgid, syscall.SIGKILL)
	if err := WaitGroupEmpty(ctx, pgid); err != nil {
		return fmt.Errorf("end process group %d: %w", pgid, err)
	}
	return nil
}

// WaitGroupEmpty returns when a process group has no member left.
func WaitGroupEmpty(ctx context.Context, pgid int) error {
	return poll(ctx, 10*time.Millisecond, func() bool { return GroupEmpty(pgid) })
}

// EndAll kills what find gives until it gives nothing.
func EndAll(ctx context.Context, find func() ([]int, error)) error {
	return EndGuarded(ctx, func(round func() error) error { return round() }, find)
}

// EndGuarded is EndAll where each round, which looks and kills, is run by a guard.
// One that does not run it says that nothing is left.
func EndGuarded(ctx context.Context, guard func(round func() error) error, find func() ([]int, error)) error {
	var left []int
	var err error
	end := poll(ctx, 10*time.Millisecond, func() bool {
		left = nil
		err = guard(func() (err error) {
			left, err = find()
			for _, pid := range left {
				_ = syscall.Kill(pid, syscall.SIGKILL) // gone already is fine
			}
			return err
		})
		return err != nil || len(left) == 0
	})
	if err != nil {
		return err
	}
	if end != nil {
		return fmt.Errorf("end processes %v: %w", left, end)
	}
	return nil
}

func poll(ctx context.Context, every time.Duration, true_ func() bool) error {
	if true_() {
		return nil
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if true_() {
				return nil
			}
		}
	}
}
