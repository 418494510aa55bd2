package store

import (
	"context"

	"google.golang.org/protobuf/proto"
)

// TypedEvent is an Event with its message decoded.
type TypedEvent[T proto.Message] struct {
	Type EventType
	// ID of the item within its collection; empty for Synced and Progress.
	ID string
	// Item as it is now. Of a Delete: the key only from Collection.Watch, what
	// was deleted from Cache.Subscribe.
	Item Versioned[T]
	// Revision that the event belongs to; watch after it to go on from here.
	Revision int64
	// More says that another event of the same revision follows.
	More bool
}

// Watch gives the events after a revision, as Backend.Watch does. A value that
// cannot be decoded ends it.
func (c *Collection[T]) Watch(ctx context.Context, after int64) (<-chan TypedEvent[T], func() error) {
	ctx, cancel := context.WithCancel(ctx)
	raw, why := c.backend.Watch(ctx, c.prefix, after)
	out := make(chan TypedEvent[T])
	done := make(chan struct{})
	var failed error
	go func() { // ends with the backend's channel, which ends with ctx
		defer close(done)
		defer close(out)
		defer cancel()
		for ev := range raw {
			typed, err := c.typed(ev)
			if err != nil {
				failed = err
				return
			}
			select {
			case out <- typed:
			case <-ctx.Done():
			}
		}
	}()
	return out, func() error {
		<-done
		if failed != nil {
			return failed
		}
		return why()
	}
}

func (c *Collection[T]) typed(ev Event) (TypedEvent[T], error) {
	typed := TypedEvent[T]{Type: ev.Type, Revision: ev.Revision, More: ev.More}
	switch ev.Type {
	case Put:
		item, err := c.decode(ev.KV)
		if err != nil {
			return TypedEvent[T]{}, err
		}
		typed.ID, typed.Item = c.ID(ev.KV.Key), item
	case Delete:
		typed.ID, typed.Item.Key = c.ID(ev.KV.Key), ev.KV.Key
	}
	return typed, nil
}
