package engine

import (
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// cell is what the shards of one cell, of those that this replica holds, have
// together: room for effects, and the gauges.
type cell struct {
	room *semaphore.Weighted // for effects, first come first served

	mu     sync.Mutex
	shards map[*shard]bool
	stop   []func() // the gauges, while there is a shard
}

// join counts a shard as one of its cell until leave is called.
func (e *Engine) join(s *shard) (leave func(), err error) {
	c := e.cells[s.Cell]
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.shards) == 0 {
		queues, err := e.Tracer.Watch(s.Cell, c)
		if err != nil {
			return nil, err
		}
		drift, err := e.Tracer.WatchDrift(s.Cell, c.countDrift)
		if err != nil {
			queues()
			return nil, err
		}
		c.stop = []func(){queues, drift}
	}
	c.shards[s] = true
	return func() { c.leave(s) }, nil
}

func (c *cell) leave(s *shard) {
	c.mu.Lock()
	var stop []func()
	if delete(c.shards, s); len(c.shards) == 0 {
		stop, c.stop = c.stop, nil
	}
	c.mu.Unlock()
	for _, end := range stop { // outside mu: who reads a gauge holds theirs, and asks for it
		end()
	}
}

// Depth is how many tenants of the cell wait for a worker.
func (c *cell) Depth() int {
	n := 0
	for _, s := range c.all() {
		n += s.queue.Depth()
	}
	return n
}

// Age is how long the first of them has waited.
func (c *cell) Age() time.Duration {
	var age time.Duration
	for _, s := range c.all() {
		age = max(age, s.queue.Age())
	}
	return age
}

// countDrift counts what differs, by kind.
func (c *cell) countDrift() map[string]int {
	counts := map[string]int{}
	for _, s := range c.all() {
		for kind, n := range s.countDrift() {
			counts[kind] += n
		}
	}
	return counts
}

func (c *cell) all() []*shard {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*shard, 0, len(c.shards))
	for s := range c.shards {
		all = append(all, s)
	}
	return all
}
