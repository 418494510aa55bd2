package store

import (
	"context"

	"google.golang.org/protobuf/proto"
)

// Subscribe gives what the cache sees, to any number of subscribers. With after
// 0 it begins with a Put for everything there is; with the revision of an
// earlier event (or list) it goes on from there. Then comes one Synced, then
// every change. The channel closes once, when ctx ends or the subscriber must
// list again, because its revision is forgotten or it fell too far behind
// (ErrCompacted); the function says which.
func (c *Cache[T]) Subscribe(ctx context.Context, after int64) (<-chan TypedEvent[T], func() error) {
	s := &subscriber[T]{cache: c, after: after, out: make(chan TypedEvent[T], 16), done: make(chan struct{})}
	go s.run(ctx) // ends with ctx
	return s.out, func() error {
		<-s.done
		return s.err
	}
}

type subscriber[T proto.Message] struct {
	cache *Cache[T]
	after int64
	out   chan TypedEvent[T]
	done  chan struct{}
	err   error // set before done is closed
}

func (s *subscriber[T]) run(ctx context.Context) {
	defer close(s.done)
	defer close(s.out)
	first, pos, rev, err := s.begin(ctx)
	if err == nil {
		err = s.send(ctx, first)
	}
	if err == nil {
		err = s.send(ctx, []TypedEvent[T]{{Type: Synced, Revision: rev}})
	}
	for err == nil {
		var next []TypedEvent[T]
		if next, err = s.next(ctx, pos); err == nil {
			pos += len(next)
			err = s.send(ctx, next)
		}
	}
	s.err = err
}

// begin waits for the cache to be as far as the subscriber, and gives what comes
// before Synced, where to go on, and the revision of that moment.
func (s *subscriber[T]) begin(ctx context.Context) ([]TypedEvent[T], int, int64, error) {
	c := s.cache
	if err := c.await(ctx, s.after); err != nil {
		return nil, 0, 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.after > 0 {
		pos, ok := c.past.position(s.after)
		if !ok {
			return nil, 0, 0, ErrCompacted
		}
		missed, _ := c.past.from(pos)
		return missed, c.past.end(), c.rev, nil
	}
	items := c.sortedItems()
	all := make([]TypedEvent[T], len(items))
	for i, v := range items {
		all[i] = TypedEvent[T]{Type: Put, ID: c.col.ID(v.Key), Item: v, Revision: c.rev, More: i < len(items)-1}
	}
	return all, c.past.end(), c.rev, nil
}

// next waits for events at a position.
func (s *subscriber[T]) next(ctx context.Context, pos int) ([]TypedEvent[T], error) {
	for {
		s.cache.mu.Lock()
		events, ok := s.cache.past.from(pos)
		changed := s.cache.changed
		s.cache.mu.Unlock()
		if !ok {
			return nil, ErrCompacted.With("why", "the subscriber fell too far behind")
		}
		if len(events) > 0 {
			return events, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *subscriber[T]) send(ctx context.Context, events []TypedEvent[T]) error {
	for _, ev := range events {
		select {
		case s.out <- ev:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
