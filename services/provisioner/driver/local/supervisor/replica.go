package supervisor

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/process"
	"stampworks.dev/services/provisioner/driver/local/trampoline"
)

// unknownExit is said of a process that an earlier supervisor had started:
// only a parent learns how one ended.
const unknownExit = "ended; how is unknown, an earlier supervisor had started it"

// replica is one process that is kept running.
type replica struct {
	u       *unit
	applied control.Applied
	index   int
	all     sync.WaitGroup
	first   chan error  // the outcome of the first start
	refused atomic.Bool // the last start failed

	ctx     context.Context // ends when nobody watches any more
	forget  context.CancelFunc
	asked   chan struct{} // closed when it is to end
	askOnce sync.Once
	ended   chan struct{} // closed when it has, or nobody watches
	failed  error         // why it could not be ended; after ended
}

func newReplica(u *unit, index int) *replica {
	ctx, forget := context.WithCancel(context.Background())
	return &replica{
		u: u, applied: u.applied, index: index, first: make(chan error, 1), ctx: ctx, forget: forget,
		asked: make(chan struct{}), ended: make(chan struct{}),
	}
}

func (r *replica) askToEnd() { r.askOnce.Do(func() { close(r.asked) }) }

// leave ends the watching. Who waits for a child in the kernel goes on waiting:
// the supervisor's own end is next.
func (r *replica) leave() {
	r.forget()
	<-r.ended
}

func (r *replica) waitEnded(ctx context.Context) error {
	select {
	case <-r.ended:
		return r.failed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run keeps one process running until it is asked to end or left alone.
func (r *replica) run() {
	defer close(r.ended)
	var pause backoff
	for again := false; ; again = true {
		began := time.Now()
		id, wait, err := r.startOrAdopt(again)
		r.refused.Store(err != nil)
		if !again {
			r.first <- err
		}
		if err != nil {
			r.exited(err.Error())
		} else if r.watch(id, wait) {
			return
		}
		select {
		case <-r.asked:
			return
		case <-r.ctx.Done():
			return
		case <-time.After(pause.after(time.Since(began))):
		}
	}
}

// watch returns when the process has ended; true when that was wished, or
// nobody watches any more.
func (r *replica) watch(id process.Identity, wait func(context.Context) string) bool {
	how := make(chan string, 1)
	r.all.Go(func() { how <- wait(r.ctx) })
	select {
	case <-r.ctx.Done():
		return true
	case <-r.asked:
		// how has room for the answer, read or not
		r.failed = r.terminate(r.ctx, id, func(ctx context.Context) error {
			select {
			case <-how:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		r.exited("stopped")
		return true
	case exit := <-how:
		if r.ctx.Err() != nil {
			return true
		}
		if err := r.endRest(r.ctx, id); err != nil {
			r.u.s.log.Error("remains of a process not ended", "component", r.u.name, "error", err)
		}
		r.exited(exit)
		return false
	}
}

// startOrAdopt gives a running process, and a function that waits for its end
// and tells how it ended.
func (r *replica) startOrAdopt(again bool) (process.Identity, func(context.Context) string, error) {
	r.u.mu.Lock()
	known := r.u.state.Replicas[r.index]
	r.u.mu.Unlock()
	if !again && known.Nonce != "" {
		if id, found := r.find(known); found {
			err := r.u.note(r.index, func(k *control.Replica) { k.Process = id })
			r.u.s.log.Info("process adopted", "component", r.u.name, "pid", id.PID)
			return id, func(ctx context.Context) string {
				if err := id.Wait(ctx); err != nil {
					return err.Error()
				}
				return unknownExit
			}, err
		}
		again = true // it ran, so this is a restart
	}
	if err := r.clearLocks(known.Nonce); err != nil {
		return process.Identity{}, nil, err
	}
	nonce := rand.Text()
	started := time.Now().UTC()
	err := r.u.note(r.index, func(k *control.Replica) {
		if again && k.Nonce != "" {
			k.Restarts++
		}
		k.Nonce, k.Process, k.Started = nonce, process.Identity{}, started
	})
	if err != nil {
		return process.Identity{}, nil, err
	}
	p, err := r.u.s.start(r.u.name, r.applied, start{
		command: r.applied.Command, nonce: nonce, leaf: "run", log: r.u.dir.Log(), replica: r.index,
	})
	if err != nil {
		r.u.s.log.Error("process not started", "component", r.u.name, "error", err)
		return process.Identity{}, nil, err
	}
	err = r.u.note(r.index, func(k *control.Replica) { k.Process = p.Identity })
	r.u.s.log.Info("process started", "component", r.u.name, "pid", p.PID)
	return p.Identity, func(context.Context) string {
		how, _ := p.Wait()
		return how
	}, err
}

// find gives the process of a replica as it was recorded, if it still runs. A
// start whose outcome nobody recorded is given up, or found.
func (r *replica) find(known control.Replica) (process.Identity, bool) {
	if known.Nonce == "" {
		return process.Identity{}, false
	}
	id := known.Process
	if id.PID == 0 {
		var err error
		if id, err = trampoline.GiveUp(filepath.Join(r.u.dir.Proc(), known.Nonce)); err != nil {
			r.u.s.log.Error("start not given up", "component", r.u.name, "error", err)
		}
	}
	return id, id.Alive()
}

// terminate ends the process as its component wishes: a signal to its group,
// the grace, then the kernel's.
func (r *replica) terminate(ctx context.Context, id process.Identity, wait func(context.Context) error) error {
	a := r.applied
	grace := a.StopGrace
	if grace <= 0 {
		grace = 10 * time.Second
	}
	process.SignalGroup(id.PID, signalNamed(a.StopSignal))
	gentle, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if wait(gentle) == nil {
		_ = process.WaitGroupEmpty(gentle, id.PID) // else endRest sees to it
	} else {
		process.SignalGroup(id.PID, killSignal)
		hard, cancelHard := context.WithTimeout(ctx, 10*time.Second)
		defer cancelHard()
		if err := wait(hard); err != nil {
			return err
		}
	}
	return r.endRest(ctx, id)
}

// endRest kills what a process that has ended had started and left behind.
func (r *replica) endRest(ctx context.Context, id process.Identity) error {
	r.u.mu.Lock()
	nonce := r.u.state.Replicas[r.index].Nonce
	r.u.mu.Unlock()
	err := r.u.s.endRest(ctx, id, nonce)
	if r.applied.Replicas <= 1 { // else the group has others in it
		err = errors.Join(err, r.u.s.endLeaf(ctx, r.u.name, "run"))
	}
	file := filepath.Join(r.u.dir.Proc(), nonce)
	if gone := os.Remove(file); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// exited notes how the process ended.
func (r *replica) exited(how string) {
	err := r.u.note(r.index, func(k *control.Replica) { k.LastExit, k.Process = how, process.Identity{} })
	if err != nil {
		r.u.s.log.Error("end of a process not noted", "component", r.u.name, "error", err)
	}
	r.u.s.log.Info("process ended", "component", r.u.name, "how", how)
}
