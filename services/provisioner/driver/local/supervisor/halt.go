package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
	"stampworks.dev/services/provisioner/driver/local/process"
)

// Halt does what a supervisor that is told to stop all components does, for a
// stamp that has none: it ends what an earlier one started, notes that nothing
// is to run, and keeps all data. No supervisor starts there meanwhile. It gives
// [ErrRunning] when the stamp has one, and fs.ErrNotExist when there is no
// stamp. Calling it twice is fine.
func Halt(ctx context.Context, dir string) error {
	s, err := hold(layout.Stamp(dir))
	if err != nil {
		return err
	}
	defer func() { _ = s.lock.Close() }() // a supervisor may start again
	out, err := openLog(s.stamp.SupervisorLog(), 0)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // nothing is lost with a line of it
	s.log = slog.New(slog.NewTextHandler(out, nil))
	if err := s.noteStopped(); err != nil {
		return err
	}
	err = errors.Join(s.jobs.endUnfinished(ctx), s.endStopped(ctx))
	if user := s.record.Settings.User; err == nil && user != 0 {
		// What lost its parent while nobody watched.
		err = process.EndAll(ctx, func() ([]int, error) { return process.OfUser(user) })
	}
	return err
}

// noteStopped notes that no component is to run, under the token last seen. A
// stamp that is ending starts nothing anyway.
func (s *Supervisor) noteStopped() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	wished := false
	for _, a := range s.record.Applied {
		wished = wished || !a.Stopped
	}
	if s.record.Ending || !wished {
		return nil
	}
	return s.raise(control.Request{Token: s.record.Token, Recovery: s.record.Recovery}, func(r *control.Record) {
		for name, a := range r.Applied {
			a.Stopped = true
			r.Apply(name, a)
		}
	})
}

// endStopped ends what is recorded of every component, each as it wishes.
func (s *Supervisor) endStopped(ctx context.Context) error {
	var mu sync.Mutex
	var failed error
	var all sync.WaitGroup
	for name, a := range s.record.Applied {
		a.Stopped = true
		all.Go(func() {
			err := newUnit(s, name, a).resume(ctx)
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
		})
	}
	all.Wait()
	return failed
}
