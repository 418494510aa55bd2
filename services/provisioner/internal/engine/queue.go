package engine

import (
	"context"
	"sync"
	"time"
)

// queue hands out tenants, first come first served, each to one worker at a
// time. A tenant that is added while it is worked on is told so, and handed
// out once more afterwards. It is safe for concurrent use.
type queue struct {
	mu    sync.Mutex
	items map[string]*item
	order []string      // waiting
	some  chan struct{} // has room for one: there is something in order
}

type item struct {
	waiting, working, again bool
	since                   time.Time
	wake                    chan struct{} // tells the worker
	timer                   *time.Timer   // adds it later
}

func newQueue() *queue {
	return &queue{items: map[string]*item{}, some: make(chan struct{}, 1)}
}

// Add hands the tenant out as soon as a worker is free.
func (q *queue) Add(tenant string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := q.item(tenant)
	if it.timer != nil {
		it.timer.Stop()
		it.timer = nil
	}
	if it.working {
		it.again = true
		select {
		case it.wake <- struct{}{}:
		default:
		}
		return
	}
	q.push(tenant, it)
}

// AddAfter hands it out later, unless it is added before.
func (q *queue) AddAfter(tenant string, d time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := q.item(tenant)
	if it.waiting || it.again {
		return
	}
	if it.timer != nil {
		it.timer.Stop()
	}
	it.timer = time.AfterFunc(d, func() { q.Add(tenant) })
}

// Next waits for a tenant. What comes on wake says that it was added again.
func (q *queue) Next(ctx context.Context) (tenant string, wake <-chan struct{}, err error) {
	for {
		if tenant, wake = q.pop(); tenant != "" {
			return tenant, wake, nil
		}
		select {
		case <-q.some:
		case <-ctx.Done():
			return "", nil, ctx.Err()
		}
	}
}

// Done gives a tenant back, and drops it unless it is to be handed out again. It
// is one step: between two, another worker could be given the tenant, and
// dropping it then would let a third have it as well.
func (q *queue) Done(tenant string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := q.item(tenant)
	it.working = false
	switch {
	case it.again:
		it.again = false
		q.push(tenant, it)
	case !it.waiting && it.timer == nil:
		delete(q.items, tenant)
	}
}

// Close stops the timers.
func (q *queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.items {
		if it.timer != nil {
			it.timer.Stop()
		}
	}
}

// Depth is how many tenants wait.
func (q *queue) Depth() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.order)
}

// Age is how long the first of them has waited.
func (q *queue) Age() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.order) == 0 {
		return 0
	}
	return time.Since(q.items[q.order[0]].since)
}

func (q *queue) item(tenant string) *item {
	it := q.items[tenant]
	if it == nil {
		it = &item{wake: make(chan struct{}, 1)}
		q.items[tenant] = it
	}
	return it
}

func (q *queue) push(tenant string, it *item) {
	if it.waiting {
		return
	}
	it.waiting, it.since = true, time.Now()
	q.order = append(q.order, tenant)
	q.signal()
}

func (q *queue) pop() (string, <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.order) == 0 {
		return "", nil
	}
	tenant := q.order[0]
	q.order = q.order[1:]
	it := q.items[tenant]
	it.waiting, it.working, it.again = false, true, false
	select {
	case <-it.wake:
	default:
	}
	if len(q.order) > 0 {
		q.signal()
	}
	return tenant, it.wake
}

func (q *queue) signal() {
	select {
	case q.some <- struct{}{}:
	default:
	}
}
