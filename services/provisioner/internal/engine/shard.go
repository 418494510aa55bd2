package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/record"
)

// shard is the tenants of one claim, while it is held.
type shard struct {
	*Engine
	claim.Shard
	claim  claim.Claim
	driver driver.Driver
	queue  *queue
	slots  *semaphore.Weighted // the cell's, for effects

	mu      sync.Mutex
	books   map[string]*record.Book    // of every tenant that has a record
	repair  map[string]int32           // failed repairs in a row
	errands map[string]map[string]bool // operations without a generation that are open, by tenant
	ticks   map[string]tick            // when schedules are due next, by tenant
	drifts  map[string][]*pb.Drift     // of the tenants that have any
	mended  map[string]map[string]bool // components that were started anew, until nothing of them differs, by tenant
	heard   map[string]heard           // of repairs, by tenant
	rests   map[string]quiet           // stamps that were found as they should be
	sealed  map[string]bool            // tenants whose secrets are under a key that is not there
}

// RunShard works on the tenants of a shard until ctx ends: with the claim.
func (e *Engine) RunShard(ctx context.Context, which claim.Shard, held claim.Claim) error {
	d, ok := e.Drivers[which.Cell]
	if !ok {
		return fmt.Errorf("run shard of cell %q: this replica does not reach it", which.Cell)
	}
	s := &shard{
		Engine: e, Shard: which, claim: held, driver: d, queue: newQueue(),
		slots: e.cells[which.Cell].room,
		books: map[string]*record.Book{}, repair: map[string]int32{}, errands: map[string]map[string]bool{},
		ticks:  map[string]tick{},
		drifts: map[string][]*pb.Drift{}, mended: map[string]map[string]bool{},
		heard: map[string]heard{}, rests: map[string]quiet{},
	}
	defer s.queue.Close()
	leave, err := e.join(s)
	if err != nil {
		return err
	}
	defer leave()
	if err := s.load(ctx); err != nil {
		return err
	}
	defer e.View.Observe(s.wake)()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return follow(ctx, e.Placements, s.placed) })
	g.Go(func() error { return follow(ctx, e.Operations, s.asked) })
	g.Go(func() error { return s.work(ctx) })
	g.Go(func() error { return s.sweep(ctx) })
	if w, ok := d.(driver.Watcher); ok {
		g.Go(func() error { return w.Watch(ctx, s.wake) })
	}
	g.Go(func() error { return s.reseal(ctx) })
	g.Go(func() error { return s.missed(ctx) })
	return g.Wait()
}

// missed wakes the stamps whose tenants the registry does not tell of, once it has
// told of all.
func (s *shard) missed(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.View.Whole():
	}
	s.mu.Lock()
	all := slices.Collect(maps.Keys(s.books)) // the view is not asked under the lock: it tells of changes under its own
	s.mu.Unlock()
	for _, tenant := range all {
		if _, wished := s.View.Get(tenant); !wished {
			s.queue.Add(tenant)
		}
	}
	return nil
}

// load reads the shard's stamps. The claim is held, so nobody changes them.
func (s *shard) load(ctx context.Context) error {
	all, _, err := s.Store.Stamps.List(ctx, store.ListOptions{Prefix: s.Cell + "/"})
	if err != nil {
		return fmt.Errorf("load stamps of cell %q: %w", s.Cell, err)
	}
	for _, v := range all {
		tenant := strings.TrimPrefix(s.Store.Stamps.ID(v.Key), s.Cell+"/")
		if s.owns(tenant) {
			s.books[tenant] = s.Store.OpenBook(v, s.claim.Guard())
			s.queue.Add(tenant)
		}
	}
	trials, _, err := s.Store.Trials.List(ctx, store.ListOptions{Prefix: s.Cell + "/"})
	if err != nil {
		return fmt.Errorf("load throw-away stamps of cell %q: %w", s.Cell, err)
	}
	for _, v := range trials {
		if id := strings.TrimPrefix(s.Store.Trials.ID(v.Key), s.Cell+"/"); s.owns(id) {
			s.books[id] = s.Store.OpenTrial(v, s.claim.Guard())
			s.queue.Add(id)
		}
	}
	return nil
}

// owns says whether a tenant of the cell belongs to this shard.
func (s *shard) owns(tenant string) bool { return s.Owns(tenant) }

// sum spreads names over numbers.
func sum(name string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // a hash takes it
	return h.Sum32()
}

func (s *shard) wake(tenant string) {
	if !s.owns(tenant) {
		return
	}
	p, placed := s.Placements.Peek(tenant)
	if s.book(tenant) != nil || (placed && p.Value.GetCell() == s.Cell) {
		s.queue.Add(tenant)
	}
}

func (s *shard) placed(ev store.TypedEvent[*pb.Placement]) {
	if ev.Type == store.Put && ev.Item.Value.GetCell() == s.Cell && s.owns(ev.ID) {
		s.queue.Add(ev.ID)
	}
}

func (s *shard) book(tenant string) *record.Book {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.books[tenant]
}

func (s *shard) setBook(tenant string, b *record.Book) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b == nil {
		delete(s.books, tenant)
		delete(s.ticks, tenant)
		delete(s.rests, tenant)
		delete(s.heard, tenant)
		return
	}
	s.books[tenant] = b
}

// work hands tenants to workers, a goroutine each.
func (s *shard) work(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(s.Tenants)
	for {
		tenant, wake, err := s.queue.Next(ctx)
		if err != nil {
			return ctxError(ctx, g.Wait())
		}
		g.Go(func() error { return s.visit(ctx, tenant, wake) })
	}
}

// ctxError gives the error that ended a group, not the end that it caused.
func ctxError(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return context.Cause(ctx)
	}
	return err
}

// visit works on one tenant once. Only a lost claim is an error: it ends the
// shard. Anything else is this tenant's own trouble.
func (s *shard) visit(ctx context.Context, tenant string, wake <-chan struct{}) error {
	again, err := s.reconcile(ctx, tenant, wake)
	defer s.queue.Done(tenant)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, store.ErrGuard):
		return fmt.Errorf("work on %q: %w", tenant, err)
	case err != nil:
		s.Log.WarnContext(ctx, "work on tenant ended, going on later", "tenant", tenant, "cell", s.Cell, "error", err)
		again = time.Second + rand.N(time.Second)
	}
	if again > 0 {
		s.queue.AddAfter(tenant, again)
	}
	return nil
}

// follow calls fn with all that is in a cache and every change, until ctx ends.
func follow[E any](ctx context.Context, c subscriber[E], fn func(E)) error {
	for ctx.Err() == nil {
		events, why := c.Subscribe(ctx, 0)
		for ev := range events {
			fn(ev)
		}
		if err := why(); ctx.Err() == nil && !errors.Is(err, store.ErrCompacted) {
			return fmt.Errorf("follow: %w", err)
		}
	}
	return ctx.Err()
}

type subscriber[E any] interface {
	Subscribe(ctx context.Context, after int64) (<-chan E, func() error)
}
