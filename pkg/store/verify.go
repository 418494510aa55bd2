package store

import "context"

// verify compares the cache with the store without stopping the watch. An item
// that the store changed last at or before the cache's revision must be in the
// cache just so. An item that the store no longer has must be gone from the
// cache by the next time. ErrCompacted when the cache is wrong: list again.
func (c *Cache[T]) verify(ctx context.Context) error {
	items, rev, err := c.col.List(ctx, ListOptions{})
	if err != nil {
		c.cfg.Log.WarnContext(ctx, "compare cache with store", "prefix", c.col.prefix, "error", err)
		return nil // next time
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if rev < c.rev {
		return ErrCompacted.With("why", "the store went back in time")
	}
	there := make(map[string]bool, len(items))
	for _, v := range items {
		there[v.Key] = true
		if v.ModRevision <= c.rev && c.items[v.Key].ModRevision != v.ModRevision {
			return ErrCompacted.With("why", "the cache missed a change of "+v.Key)
		}
	}
	suspects := map[string]int64{}
	for key, v := range c.items {
		if there[key] {
			continue
		}
		if c.suspects[key] == v.ModRevision {
			return ErrCompacted.With("why", "the cache missed the deletion of "+key)
		}
		suspects[key] = v.ModRevision
	}
	c.suspects = suspects
	return nil
}
