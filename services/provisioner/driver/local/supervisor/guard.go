package supervisor

import (
	"context"
	"errors"
	"sync"
	"time"

	"stampworks.dev/services/provisioner/driver/local/process"
)

// endWithin is how long what was left behind has to end.
const endWithin = 10 * time.Second

// guard lets one clean up after many: whoever runs something is in it, and who
// finds nobody in it ends what was left behind. Nobody comes in meanwhile.
type guard struct{ in sync.RWMutex }

func (g *guard) enter() { g.in.RLock() }

func (g *guard) leave() { g.in.RUnlock() }

// ifEmpty calls clean when nobody is in.
func (g *guard) ifEmpty(clean func() error) error {
	if !g.in.TryLock() {
		return nil // who leaves last does it
	}
	defer g.in.Unlock()
	return clean()
}

// endLeaf ends every process of a component's control group, whatever became of
// its session and its environment. No process of the leaf may be wanted.
func (s *Supervisor) endLeaf(ctx context.Context, component, leaf string) error {
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	return s.settings().Groups.Group(component).End(ctx, leaf)
}

// endStray is for where there are no control groups: when neither a component
// nor a job of the stamp runs, all that its own user still runs was left behind.
// A user that it shares with others is left alone.
func (s *Supervisor) endStray(ctx context.Context) error {
	set := s.settings()
	if set.User == 0 || set.Groups.Made() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	return s.running.ifEmpty(func() error {
		return process.EndAll(ctx, func() ([]int, error) { return process.OfUser(set.User) })
	})
}

// guard gives the one of a component's jobs.
func (j *jobs) guard(component string) *guard {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.guards[component] == nil {
		j.guards[component] = &guard{}
	}
	return j.guards[component]
}

// enter says that a job of the component is about to run; the function that it
// gives, that it has ended.
func (j *jobs) enter(component string) func() error {
	j.guard(component).enter()
	j.s.running.enter()
	return func() error {
		j.guard(component).leave()
		j.s.running.leave()
		ctx := context.Background()
		return errors.Join(j.endLeft(ctx, component), j.s.endStray(ctx))
	}
}

// endLeft ends what jobs of the component left behind, unless one still runs.
func (j *jobs) endLeft(ctx context.Context, component string) error {
	return j.guard(component).ifEmpty(func() error { return j.s.endLeaf(ctx, component, "jobs") })
}
