package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"

	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
	"stampworks.dev/services/provisioner/driver/local/trampoline"
)

// ErrRunning says that the stamp has a supervisor already.
var ErrRunning = errors.New("another supervisor holds the stamp")

// Supervisor of one stamp.
type Supervisor struct {
	stamp   layout.Stamp
	program string // itself, as trampoline
	log     *slog.Logger
	lock    *os.File
	jobs    *jobs
	quit    context.CancelFunc
	running guard // has the components and jobs that run
	scope   *trampoline.Scope

	mu       sync.Mutex
	record   control.Record
	units    map[string]*unit
	sessions map[*session]bool // that are open
}

// Run supervises the stamp until the context ends or it is told to end; what
// runs goes on running then, unless the stamp is destroyed. It calls ready
// once it can be asked.
func Run(ctx context.Context, dir, program string, log *slog.Logger, ready func()) error {
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	s, err := hold(layout.Stamp(dir))
	if err != nil {
		return err
	}
	defer func() { _ = s.lock.Close() }() // ends the lock, as our end would
	s.program, s.log, s.quit = program, log, quit
	if s.record.Settings.User != 0 {
		if s.scope, err = trampoline.NewScope(); err != nil {
			return err
		}
	}
	server, err := listen(s)
	if err != nil {
		return err
	}
	if err := s.begin(ctx); err != nil {
		return errors.Join(err, server.close())
	}
	var all sync.WaitGroup
	all.Go(func() { s.watchGone(ctx) })
	all.Go(func() { s.rotateLogs(ctx) })
	ready()
	if s.record.Ending {
		quit()
	}
	err = server.serve(ctx)
	quit()
	s.leave()
	all.Wait()
	return err
}

// hold takes the stamp's lock, so that nobody else is its supervisor, and reads
// what is wished.
func hold(stamp layout.Stamp) (*Supervisor, error) {
	if why, barred := stamp.Barred(); barred {
		return nil, fmt.Errorf("%w: %s", layout.ErrBarred, why)
	}
	lock, free, err := stamp.TryLock()
	if err != nil {
		return nil, err
	}
	if !free {
		return nil, ErrRunning
	}
	record, err := control.ReadRecord(stamp)
	if err == nil {
		err = stamp.ClearParts()
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	record, _ = record.Relabelled() // changed by hand: it runs, and is seen to be another
	s := &Supervisor{stamp: stamp, lock: lock, record: record, units: map[string]*unit{}, sessions: map[*session]bool{}}
	s.jobs = newJobs(s)
	return s, nil
}

// begin adopts what runs and starts what should; when the stamp is ending it
// ends all instead.
func (s *Supervisor) begin(ctx context.Context) error {
	if err := s.jobs.endUnfinished(ctx); err != nil {
		return err
	}
	for name, a := range s.record.Applied {
		s.units[name] = newUnit(s, name, a)
	}
	if s.record.Ending {
		return s.endAll(ctx)
	}
	var all sync.WaitGroup
	for _, u := range s.units {
		all.Go(func() {
			if err := u.resume(ctx); err != nil {
				s.log.Error("component not resumed", "component", u.name, "error", err)
			}
		})
	}
	all.Wait()
	return s.endStray(ctx)
}

// raise keeps the highest token of the recovery that the stamp was last taken over
// for, and refuses a lower one and any of another; change is made to the
// record together with it, on disk before it returns. The caller holds mu.
func (s *Supervisor) raise(req control.Request, change func(*control.Record)) error {
	if err := s.record.Stale(req.Recovery, req.Token); err != nil {
		return err
	}
	if s.record.Ending {
		return &control.Failure{Code: control.CodeEnding, Message: "the stamp is being destroyed"}
	}
	if req.Token == s.record.Token && change == nil {
		return nil
	}
	next := s.record
	next.Token = req.Token
	next.Applied = maps.Clone(next.Applied)
	next.Begun = maps.Clone(next.Begun)
	if next.Applied == nil {
		next.Applied = map[string]control.Applied{}
	}
	if change != nil {
		change(&next)
	}
	if err := next.Write(s.stamp); err != nil {
		return err
	}
	s.record = next
	return nil
}

// ensure notes the wish and makes it so.
func (s *Supervisor) ensure(ctx context.Context, req control.Request) error {
	if req.Applied == nil || req.Wish == nil {
		return errors.New("ensure: the wish is missing")
	}
	u, err := s.wish(req)
	if err != nil {
		return err
	}
	if u.changes(*req.Applied) {
		// What a person does meanwhile could be lost, or spoil it.
		if err := s.endSessions(ctx); err != nil {
			return err
		}
	}
	return u.ensure(ctx, *req.Applied)
}

func (s *Supervisor) wish(req control.Request) (*unit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change := func(r *control.Record) { r.Replace(*req.Wish); r.Apply(req.Component, *req.Applied) }
	known, has := s.record.Applied[req.Component]
	if has && known.Digest == req.Applied.Digest && known.Stopped == req.Applied.Stopped && s.record.Knows(*req.Wish) && s.record.OnDisk(s.stamp) {
		change = nil // nothing new: no write
	}
	if err := s.raise(req, change); err != nil {
		return nil, err
	}
	u := s.units[req.Component]
	if u == nil {
		u = newUnit(s, req.Component, *req.Applied)
		s.units[req.Component] = u
	}
	return u, nil
}

// stop notes that the component is not to run, and ends it.
func (s *Supervisor) stop(ctx context.Context, req control.Request) error {
	s.mu.Lock()
	a, has := s.record.Applied[req.Component]
	var change func(*control.Record)
	if has && !a.Stopped {
		a.Stopped = true
		change = func(r *control.Record) { r.Apply(req.Component, a) }
	}
	err := s.raise(req, change)
	u := s.units[req.Component]
	s.mu.Unlock()
	if err != nil {
		return err
	}
	// What a person does from now on could be lost.
	if err := s.endSessions(ctx); err != nil {
		return err
	}
	if u != nil {
		err = u.ensure(ctx, a)
	}
	return errors.Join(err, s.jobs.endLeft(ctx, req.Component))
}

// destroy ends everything and then the supervisor itself.
func (s *Supervisor) destroy(ctx context.Context, req control.Request) error {
	s.mu.Lock()
	err := s.raise(req, func(r *control.Record) { r.Ending = true })
	ending := s.record.Ending
	stale := s.record.Stale(req.Recovery, req.Token) != nil
	s.mu.Unlock()
	if err != nil && (!ending || stale) {
		return err
	}
	return s.endAll(ctx)
}

// endAll ends all jobs and components.
func (s *Supervisor) endAll(ctx context.Context) error {
	s.mu.Lock()
	units := slices.Collect(maps.Values(s.units))
	s.mu.Unlock()
	failures := make([]error, len(units)+2)
	var all sync.WaitGroup
	all.Go(func() { failures[len(units)] = s.jobs.endAll(ctx) })
	all.Go(func() { failures[len(units)+1] = s.endSessions(ctx) })
	for i, u := range units {
		all.Go(func() { failures[i] = u.end(ctx) })
	}
	all.Wait()
	return errors.Join(errors.Join(failures...), s.endStray(ctx))
}

// leave stops watching; what runs goes on.
func (s *Supervisor) leave() {
	s.mu.Lock()
	units := slices.Collect(maps.Values(s.units))
	s.mu.Unlock()
	for _, u := range units {
		u.leave()
	}
}

// has says whether a component was ensured before.
func (s *Supervisor) has(component string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, has := s.record.Applied[component]
	return has
}

// settings gives the current means of isolation.
func (s *Supervisor) settings() control.Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record.Settings
}
