package store

import (
	"context"
	"time"
)

// askAgain is how often a reader asks for progress: a watch that is catching up
// does not answer.
const askAgain = 100 * time.Millisecond

// reach waits until the cache is as fresh as the store was at the call; false
// says that it took too long.
func (c *Cache[T]) reach(ctx context.Context) (bool, error) {
	if !c.Synced() {
		return false, nil
	}
	rev, err := c.col.backend.Revision(ctx)
	if err != nil {
		return false, err
	}
	patient, cancel := context.WithTimeout(ctx, c.cfg.Wait)
	defer cancel()
	if err := c.await(patient, rev); err != nil {
		return false, ctx.Err()
	}
	return true, nil
}

// await waits until the cache is filled and has reached rev, asking for progress
// meanwhile.
func (c *Cache[T]) await(ctx context.Context, rev int64) error {
	var again *time.Ticker
	for {
		ok, changed := c.reached(rev)
		if ok {
			return nil
		}
		select { // one pending wish is enough for all readers
		case c.want <- struct{}{}:
		default:
		}
		if again == nil {
			again = time.NewTicker(askAgain)
			defer again.Stop()
		}
		select {
		case <-changed:
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *Cache[T]) reached(rev int64) (bool, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.synced && c.rev >= rev, c.changed
}

// askProgress passes the readers' wishes on to the watch that has ctx's stream.
func (c *Cache[T]) askProgress(ctx context.Context) {
	asker, ok := c.col.backend.(ProgressRequester)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.want:
		}
		if !ok || ctx.Err() != nil {
			continue
		}
		if err := asker.RequestProgress(ctx); err != nil && ctx.Err() == nil {
			c.cfg.Log.DebugContext(ctx, "request watch progress", "prefix", c.col.prefix, "error", err)
		}
	}
}
