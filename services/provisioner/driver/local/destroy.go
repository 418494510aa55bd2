package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/cgroup"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/host"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// Destroy ends the stamp's processes, then removes what it had, its walls and its
// allocation last: numbers go back only when nothing of the stamp is left.
func (d *Driver) Destroy(ctx context.Context, ref driver.Ref) error {
	s, has, err := d.reserved(ref)
	if err != nil {
		return err
	}
	a, allocated, err := d.host.Find(ref.UID)
	if err != nil {
		return err
	}
	if !has && !allocated {
		stale, err := d.host.Stale(ref)
		if stale {
			err = fmt.Errorf("destroy stamp of %q: %w", ref.Tenant, driver.ErrStaleToken)
		}
		return err
	}
	if has {
		lock, err := d.end(ctx, ref, s)
		if err != nil {
			return err
		}
		defer func() { _ = lock.Close() }() // its file is removed by now
	}
	if a.Tenant == "" {
		a = host.Allocation{Tenant: ref.Tenant, UID: ref.UID}
	}
	if err := d.remove(ctx, s, a); err != nil {
		return errs.New(errs.Internal, "STAMP_LEFT_BEHIND", "destroy stamp of %q: %w", ref.Tenant, err)
	}
	d.proven.forget(s)
	return d.changes.Release(ctx, ref)
}

// errBetween is of a supervisor that holds its lock and does not answer: it is
// just starting, or ending, which takes it betweenWithin at most.
var errBetween = errs.New(errs.Unavailable, "SUPERVISOR_UNAVAILABLE", "the supervisor is just starting or ending")

const betweenWithin = 5 * time.Second

// end lets the supervisor end everything, and gives the stamp's lock: nobody
// starts a supervisor there again.
func (d *Driver) end(ctx context.Context, ref driver.Ref, s layout.Stamp) (*os.File, error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); ; {
		_, err := control.Call(ctx, s, under(ref, control.Request{Op: control.OpDestroy}))
		if errors.Is(err, control.ErrAbsent) || errors.Is(err, control.ErrLost) {
			err = d.endAbsent(ctx, ref, s)
		}
		if errors.Is(err, errBetween) && time.Since(began) < betweenWithin && ctx.Err() == nil {
			<-tick.C
			continue
		}
		if err != nil {
			return nil, answer(ref, control.Request{Op: control.OpDestroy}, err)
		}
		break
	}
	for {
		lock, free, err := s.TryLock()
		if err != nil || free {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("destroy stamp of %q: wait for its supervisor's end: %w", ref.Tenant, ctx.Err())
		case <-tick.C:
		}
	}
}

// endAbsent does what the supervisor would: it notes the end, and one that is
// launched on such a record ends what runs, and itself.
func (d *Driver) endAbsent(ctx context.Context, ref driver.Ref, s layout.Stamp) error {
	lock, free, err := s.TryLock()
	if err != nil {
		return err
	}
	if !free {
		return errBetween
	}
	r, err := control.ReadRecord(s)
	if err == nil {
		err = r.Stale(ref.Recovery, ref.Token)
	}
	if err == nil {
		r.Token, r.Ending = ref.Token, true
		err = r.Write(s)
	}
	if err == nil { // a removal cut short may have taken it already
		err = os.MkdirAll(s.Run(), 0o700)
	}
	if err := errors.Join(err, lock.Close()); err != nil {
		return err
	}
	return d.launch(ctx, s)
}

// remove removes all that an allocation stands for but itself, and goes on after a
// failure: the error names all that is left.
func (d *Driver) remove(ctx context.Context, s layout.Stamp, a host.Allocation) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return errors.Join(d.changes.End(ctx, a), cgroup.Of(d.means.groups, d.instance, a.Tenant).Remove(), removeDir(s))
}

// removeDir lets the manifest go last, so that a removal cut short is still
// seen as a stamp that is ending.
func removeDir(s layout.Stamp) error {
	entries, err := os.ReadDir(string(s))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		path := filepath.Join(string(s), entry.Name())
		if path != s.Manifest() && path != s.Lock() {
			err = errors.Join(err, os.RemoveAll(path))
		}
	}
	if err != nil {
		return fmt.Errorf("remove directory: %w", err)
	}
	if err := os.RemoveAll(string(s)); err != nil {
		return fmt.Errorf("remove directory: %w", err)
	}
	return nil
}
