package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// unit is one component: as many replicas as it is wished to have.
type unit struct {
	s    *Supervisor
	name string
	dir  layout.Component

	change   sync.Mutex // held while it is ensured or ended
	applied  control.Applied
	replicas []*replica

	mu    sync.Mutex // guards the state and its file
	state control.State
}

func newUnit(s *Supervisor, name string, a control.Applied) *unit {
	return &unit{s: s, name: name, dir: s.stamp.Component(name), applied: a}
}

// ensure makes the component be as a says. What runs as it should is left
// alone; a process that was restarted by its own is waited for, not started
// again. One that could not be started is tried at once, and the caller told.
func (u *unit) ensure(ctx context.Context, a control.Applied) error {
	u.change.Lock()
	defer u.change.Unlock()
	if a.Digest == u.stateDigest() && (len(u.replicas) > 0) == !a.Stopped && !u.refused() {
		u.applied = a
		return u.writeAgain()
	}
	if err := errors.Join(u.halt(ctx), u.endForgotten(ctx)); err != nil {
		return err
	}
	u.applied = a
	if err := u.writeFiles(a); err != nil {
		return err
	}
	return u.launch(u.anew())
}

// anew is the state before a component is started, or stopped. While it is the
// same component it goes on counting how often it was started again.
func (u *unit) anew() control.State {
	state := control.State{Digest: u.applied.Digest, Stopped: u.applied.Stopped, Replicas: make([]control.Replica, u.count())}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state.Digest == state.Digest {
		for i := range min(len(state.Replicas), len(u.state.Replicas)) {
			state.Replicas[i].Restarts = u.state.Replicas[i].Restarts
		}
	}
	return state
}

// resume takes up the component after a supervisor's end.
func (u *unit) resume(ctx context.Context) error {
	u.change.Lock()
	defer u.change.Unlock()
	state, err := control.ReadState(u.dir)
	if err != nil {
		u.s.log.Warn("state not readable, beginning anew", "component", u.name, "error", err)
	}
	same := state.Digest == u.applied.Digest && len(state.Replicas) == u.count() && !u.applied.Stopped
	if !same {
		if err := u.endRecorded(ctx, state); err != nil {
			return err
		}
		state = u.anew()
	}
	if err := u.writeFiles(u.applied); err != nil {
		return err
	}
	return u.launch(state)
}

// launch starts, or adopts, the replicas of the state and returns when each
// has been started or could not.
func (u *unit) launch(state control.State) error {
	u.mu.Lock()
	u.state = state
	err := u.state.Write(u.dir)
	u.mu.Unlock()
	if err != nil || state.Stopped {
		return err
	}
	u.s.running.enter()
	for i := range state.Replicas {
		r := newReplica(u, i)
		u.replicas = append(u.replicas, r)
		r.all.Go(r.run)
	}
	var failed error
	for _, r := range u.replicas {
		failed = errors.Join(failed, <-r.first)
	}
	if failed != nil {
		return control.Fail(control.CodeStart, fmt.Errorf("start component %s: %w", u.name, failed))
	}
	return nil
}

// halt ends all replicas and returns when their processes have ended, and what
// they left behind.
func (u *unit) halt(ctx context.Context) error {
	for _, r := range u.replicas {
		r.askToEnd()
	}
	var failed error
	for _, r := range u.replicas {
		failed = errors.Join(failed, r.waitEnded(ctx))
	}
	if failed == nil {
		failed = u.s.endLeaf(ctx, u.name, "run")
	}
	if failed != nil {
		return fmt.Errorf("stop component %s: %w", u.name, failed)
	}
	if len(u.replicas) == 0 {
		return nil
	}
	u.replicas = nil
	u.s.running.leave()
	return u.s.endStray(ctx)
}

// end halts the component for good.
func (u *unit) end(ctx context.Context) error {
	u.change.Lock()
	defer u.change.Unlock()
	if len(u.replicas) > 0 {
		return u.halt(ctx)
	}
	state, err := control.ReadState(u.dir)
	if errors.Is(err, control.ErrDamaged) { // nobody is kept from stopping by it
		u.s.log.Warn("state not readable, ending what is left", "component", u.name, "error", err)
		err = nil
	}
	return errors.Join(err, u.endRecorded(ctx, state))
}

// leave stops watching the replicas.
func (u *unit) leave() {
	u.change.Lock()
	defer u.change.Unlock()
	for _, r := range u.replicas {
		r.leave()
	}
}

// endRecorded ends what an earlier supervisor started.
func (u *unit) endRecorded(ctx context.Context, state control.State) error {
	u.mu.Lock()
	u.state = state
	u.mu.Unlock()
	var all error
	for i := range state.Replicas {
		r := newReplica(u, i)
		if id, found := r.find(state.Replicas[i]); found {
			all = errors.Join(all, r.terminate(ctx, id, id.Wait))
		}
	}
	return errors.Join(all, u.s.endLeaf(ctx, u.name, "run"))
}

// endForgotten ends what was started of a component that the record did not
// have when this supervisor began: somebody had taken it out by hand.
func (u *unit) endForgotten(ctx context.Context) error {
	if u.stateDigest() != "" {
		return nil
	}
	state, err := control.ReadState(u.dir)
	if err != nil {
		u.s.log.Warn("state not readable, beginning anew", "component", u.name, "error", err)
		return nil
	}
	return u.endRecorded(ctx, state)
}

// refused says whether a replica could not be started when it was last tried.
func (u *unit) refused() bool {
	return slices.ContainsFunc(u.replicas, func(r *replica) bool { return r.refused.Load() })
}

func (u *unit) count() int { return max(u.applied.Replicas, 1) }

// changes says whether the component becomes another than it was last made to be.
func (u *unit) changes(a control.Applied) bool {
	was := u.stateDigest()
	return was != "" && was != a.Digest
}

func (u *unit) stateDigest() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.state.Digest
}

// writeAgain puts the state's file right, should somebody have damaged it.
func (u *unit) writeAgain() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.state.WriteAgain(u.dir)
}

// note changes what is known of a replica, on disk before it returns.
func (u *unit) note(index int, change func(*control.Replica)) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	change(&u.state.Replicas[index])
	return u.state.Write(u.dir)
}

// writeFiles writes the rendered files and removes those that are no more.
func (u *unit) writeFiles(a control.Applied) error {
	return writeFiles(u.dir, a, u.s.settings().User)
}

func writeFiles(dir layout.Component, a control.Applied, user int) error {
	entries, err := os.ReadDir(dir.Files())
	if err != nil {
		return fmt.Errorf("write files: %w", err)
	}
	var kept []string
	for name, text := range a.Files {
		kept = append(kept, name)
		if err := layout.WriteFile(filepath.Join(dir.Files(), filepath.Base(name)), []byte(text), 0o600, user); err != nil {
			return err
		}
	}
	for _, entry := range entries {
		if !slices.Contains(kept, entry.Name()) {
			if err := os.Remove(filepath.Join(dir.Files(), entry.Name())); err != nil {
				return fmt.Errorf("remove file: %w", err)
			}
		}
	}
	return nil
}
