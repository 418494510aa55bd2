package placement

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/internal/record"
)

// lookAgain is how often tenants without a place are looked at again, whatever
// happens: cordons are the registry's, and come without an event.
const lookAgain = 2 * time.Second

// round is the placer while it holds the claim.
type round struct {
	*Placer
	guard store.Cond
	bound map[string]*pb.Placement    // all of them, by tenant
	held  map[string]map[string]int64 // what they reserve, by cell and resource
	cells []Cell                      // as of this batch; nil: to be listed

	wake    chan struct{}
	mu      sync.Mutex
	dirty   map[string]bool
	freed   map[string]bool // placements that were deleted
	waiting map[string]bool // tenants that no cell could take
}

// touch has a tenant looked at.
func (r *round) touch(id string) {
	r.mu.Lock()
	r.dirty[id] = true
	r.mu.Unlock()
	r.poke()
}

// reconsider has everybody looked at who waits for room.
func (r *round) reconsider() {
	r.mu.Lock()
	for id := range r.waiting {
		r.dirty[id] = true
	}
	r.mu.Unlock()
	r.poke()
}

func (r *round) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *round) watchDeletions(ctx context.Context, after int64) error {
	events, why := r.Placements.Watch(ctx, after)
	for ev := range events {
		if ev.Type == store.Delete {
			r.mu.Lock()
			r.freed[ev.ID] = true
			r.mu.Unlock()
			r.reconsider()
		}
	}
	return fmt.Errorf("watch placements: %w", why())
}

func (r *round) watchCells(ctx context.Context) error {
	for {
		events, why := r.Reports.Subscribe(ctx, 0)
		for range events {
			r.reconsider()
		}
		if err := why(); !errors.Is(err, store.ErrCompacted) {
			return fmt.Errorf("watch cells: %w", err)
		}
	}
}

// watchOperations has those looked at whose operation is to be cancelled, and
// throw-away stamps: they are wished for by their operations.
func (r *round) watchOperations(ctx context.Context) error {
	for {
		events, why := r.Operations.Subscribe(ctx, 0)
		for ev := range events {
			op := ev.Item.Value
			if ev.Type != store.Put || op.GetMetadata().GetEndTime() != nil {
				continue
			}
			id := record.WorksOn(op)
			_, trial := record.TrialOperation(id)
			if op.GetCancelRequested() || trial {
				r.touch(id)
			}
		}
		if err := why(); !errors.Is(err, store.ErrCompacted) {
			return fmt.Errorf("watch operations: %w", err)
		}
	}
}

func (r *round) work(ctx context.Context) error {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		select {
		case <-r.wake:
		case <-tick.C:
			r.reconsider()
		case <-ctx.Done():
			return ctx.Err()
		}
		r.cells = nil
		for _, id := range r.due() {
			if err := r.visit(ctx, id); err != nil {
				if ctx.Err() != nil || errors.Is(err, store.ErrGuard) {
					return err
				}
				r.Log.WarnContext(ctx, "place tenant later", "tenant", id, "error", err)
				r.wait(id, true)
			}
		}
	}
}

// due takes what is to be looked at, in a fair order: by name.
func (r *round) due() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.freed {
		r.hold(id, nil)
	}
	clear(r.freed)
	ids := sorted(r.dirty)
	clear(r.dirty)
	return ids
}

func (r *round) wait(id string, waits bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if waits {
		r.waiting[id] = true
	} else {
		delete(r.waiting, id)
	}
}
