package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
	"stampworks.dev/services/provisioner/driver/local/supervisor"
)

// Halt stops every stamp below a data directory, and its supervisor, and keeps
// all data: what `stamp dev` does at its end. It needs no control plane. The
// stamps run again when a driver is told to ensure them. It says how many were
// meant to run until then.
func Halt(ctx context.Context, dataDir string) (int, error) {
	manifests, err := filepath.Glob(filepath.Join(dataDir, "stamps", "*", "manifest.json"))
	if err != nil {
		return 0, fmt.Errorf("list stamps: %w", err)
	}
	var all errgroup.Group
	halted := 0
	for _, m := range manifests {
		stamp := layout.Stamp(filepath.Dir(m))
		if meantToRun(stamp) {
			halted++
		}
		all.Go(func() error { return halt(ctx, stamp) })
	}
	return halted, all.Wait()
}

// meantToRun is whether a stamp has a component that nobody stopped. One that
// cannot be read is halted all the same.
func meantToRun(s layout.Stamp) bool {
	record, err := control.ReadRecord(s)
	if err != nil || record.Ending {
		return false
	}
	for _, a := range record.Applied {
		if !a.Stopped {
			return true
		}
	}
	return false
}

// halt stops one stamp under the token that was last seen, so it is the last
// owner's own wish for as long as nobody newer comes. A stamp whose supervisor
// has ended is halted in its place.
func halt(ctx context.Context, s layout.Stamp) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := askToHalt(ctx, s)
		if errors.Is(err, control.ErrAbsent) || errors.Is(err, control.ErrLost) {
			err = supervisor.Halt(ctx, string(s))
		}
		if errors.Is(err, layout.ErrBarred) {
			return nil // nothing of it runs
		}
		if err = ignoreGone(err); err == nil {
			return removeGroups(s)
		}
		if !errors.Is(err, supervisor.ErrRunning) {
			return fmt.Errorf("halt stamp in %s: %w", filepath.Base(string(s)), err)
		}
		select { // it is just starting or ending
		case <-ctx.Done():
			return fmt.Errorf("halt stamp in %s: %w", filepath.Base(string(s)), ctx.Err())
		case <-tick.C:
		}
	}
}

// removeGroups removes control groups in which nothing runs any more: the data
// directory may be removed next, and they are not in it. A start makes them.
func removeGroups(s layout.Stamp) error {
	record, err := control.ReadRecord(s)
	if err != nil {
		return ignoreGone(err)
	}
	if err := record.Settings.Groups.Remove(); err != nil {
		return fmt.Errorf("halt stamp in %s: %w", filepath.Base(string(s)), err)
	}
	return nil
}

// askToHalt lets the supervisor stop every component, then end itself.
func askToHalt(ctx context.Context, s layout.Stamp) error {
	record, err := control.ReadRecord(s)
	if err != nil {
		return err
	}
	var parts errgroup.Group
	for name := range record.Applied {
		parts.Go(func() error {
			_, err := control.Call(ctx, s, control.Request{Op: control.OpStop, Token: record.Token, Recovery: record.Recovery, Component: name})
			return err
		})
	}
	if err := parts.Wait(); err != nil {
		return err
	}
	_, err = control.Call(ctx, s, control.Request{Op: control.OpHandover, Token: record.Token, Recovery: record.Recovery})
	return err
}
