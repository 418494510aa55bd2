package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// Run keeps the cache fresh until ctx ends, and then returns nil. The store may
// be away for as long as it likes: the cache serves what it has, and catches up.
func (c *Cache[T]) Run(ctx context.Context) error {
	ctx = WithStream(ctx, fmt.Sprintf("cache-%x", rand.Uint64()))
	list, wait := true, firstRetry
	for {
		started := time.Now()
		err := c.follow(ctx, list)
		if ctx.Err() != nil {
			return nil
		}
		list = !c.Synced() || errors.Is(err, ErrCompacted)
		if time.Since(started) > lastRetry {
			wait = firstRetry
		}
		c.cfg.Log.WarnContext(ctx, "watch ended, going on", "prefix", c.col.prefix, "list_again", list, "wait", wait, "error", err)
		timer := time.NewTimer(wait/2 + rand.N(wait/2))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		wait = min(2*wait, lastRetry)
	}
}

// follow lists, when asked to, then applies what the watch tells until it ends.
func (c *Cache[T]) follow(ctx context.Context, list bool) error {
	c.pending, c.suspects = nil, nil
	if list {
		items, rev, err := c.col.List(ctx, ListOptions{})
		if err != nil {
			return err
		}
		c.replace(items, rev)
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	_, after := c.Snapshot()
	events, why := c.col.Watch(watching, after)

	asking, hush := context.WithCancel(ctx)
	var asker sync.WaitGroup
	asker.Go(func() { c.askProgress(asking) })
	defer asker.Wait()
	defer hush()

	resync := time.NewTicker(c.cfg.Resync)
	defer resync.Stop()
	for {
		select {
		case ev, ok := <-events:
			if !ok {
				return why()
			}
			c.apply(ev)
		case <-resync.C:
			if err := c.verify(ctx); err != nil {
				return err
			}
		}
	}
}

// apply takes an event in; those of one revision become visible together.
func (c *Cache[T]) apply(ev TypedEvent[T]) {
	switch ev.Type {
	case Put, Delete:
		c.pending = append(c.pending, ev)
		if ev.More {
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, p := range c.pending {
		if p.Type == Delete {
			c.pending[i].Item = c.items[p.Item.Key]
			c.pending[i].Item.Key = p.Item.Key
			delete(c.items, p.Item.Key)
		} else {
			c.items[p.Item.Key] = p.Item
		}
		c.sorted = nil
	}
	c.past.add(c.pending...)
	c.pending = nil
	c.rev = max(c.rev, ev.Revision)
	c.announce()
}

// replace takes a whole list in; subscribers get the difference. Who was not
// subscribed cannot resume from before it: what came and went between is unknown.
func (c *Cache[T]) replace(items []Versioned[T], rev int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := make(map[string]Versioned[T], len(items))
	var diff []TypedEvent[T]
	for _, v := range items {
		next[v.Key] = v
		if c.items[v.Key].ModRevision != v.ModRevision {
			diff = append(diff, TypedEvent[T]{Type: Put, ID: c.col.ID(v.Key), Item: v, Revision: rev, More: true})
		}
	}
	for _, v := range c.sortedItems() {
		if _, there := next[v.Key]; !there {
			diff = append(diff, TypedEvent[T]{Type: Delete, ID: c.col.ID(v.Key), Item: v, Revision: rev, More: true})
		}
	}
	if len(diff) > 0 {
		diff[len(diff)-1].More = false
	}
	if c.synced {
		c.past.add(diff...)
	}
	c.past.floor = rev
	c.items, c.sorted, c.rev, c.synced = next, nil, rev, true
	c.announce()
}

func (c *Cache[T]) announce() {
	close(c.changed)
	c.changed = make(chan struct{})
}
