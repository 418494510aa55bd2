package store

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
)

// CacheConfig tunes a Cache; the zero value is the default.
type CacheConfig struct {
	// Resync is how often the cache is compared with the store, default 5 min.
	Resync time.Duration
	// Wait is how long List and Get wait for the watch before they read the
	// store themselves, default 1 s.
	Wait time.Duration
	// Log gets what goes wrong, default nowhere.
	Log *slog.Logger
}

// Cache keeps a collection in memory by one watch, for any number of readers
// and subscribers. Nothing is kept fresh unless Run runs. The messages that it
// hands out are shared: read them, never change them.
type Cache[T proto.Message] struct {
	col  *Collection[T]
	cfg  CacheConfig
	want chan struct{} // someone waits for progress

	mu      sync.Mutex
	synced  bool
	rev     int64 // everything up to here has been applied
	items   map[string]Versioned[T]
	sorted  []Versioned[T] // items by key; nil: to be made again
	changed chan struct{}  // closed at the next change of any of this
	past    history[T]

	// Of Run alone.
	pending  []TypedEvent[T] // events of a revision that is not complete
	suspects map[string]int64
}

// NewCache makes a cache with the defaults.
func NewCache[T proto.Message](c *Collection[T]) *Cache[T] {
	return NewCacheWith(c, CacheConfig{})
}

// NewCacheWith makes a cache.
func NewCacheWith[T proto.Message](c *Collection[T], cfg CacheConfig) *Cache[T] {
	cfg.Resync = cmp.Or(cfg.Resync, 5*time.Minute)
	cfg.Wait = cmp.Or(cfg.Wait, time.Second)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Cache[T]{
		col:     c,
		cfg:     cfg,
		want:    make(chan struct{}, 1),
		items:   map[string]Versioned[T]{},
		changed: make(chan struct{}),
	}
}

// Synced says whether the cache has been filled once.
func (c *Cache[T]) Synced() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.synced
}

// Snapshot gives what the cache has, at once, and the revision that this is true
// for; 0 before the cache has been filled. The slice is shared as well.
func (c *Cache[T]) Snapshot() ([]Versioned[T], int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sortedItems(), c.rev
}

// Peek gives one item as the cache has it, at once.
func (c *Cache[T]) Peek(id string) (Versioned[T], bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.items[c.col.Key(id)]
	return v, ok
}

func (c *Cache[T]) sortedItems() []Versioned[T] {
	if c.sorted == nil {
		c.sorted = make([]Versioned[T], 0, len(c.items))
		for _, v := range c.items {
			c.sorted = append(c.sorted, v)
		}
		slices.SortFunc(c.sorted, func(a, b Versioned[T]) int { return cmp.Compare(a.Key, b.Key) })
	}
	return c.sorted
}

// List gives all items, as fresh as a read of the store: it asks for the newest
// revision, waits until the watch has reached it, and after CacheConfig.Wait
// reads the store instead.
func (c *Cache[T]) List(ctx context.Context) ([]Versioned[T], int64, error) {
	fresh, err := c.reach(ctx)
	if err != nil {
		return nil, 0, err
	}
	if !fresh {
		return c.col.List(ctx, ListOptions{})
	}
	items, rev := c.Snapshot()
	return items, rev, nil
}

// Get gives one item, as fresh as List. ErrNotFound when there is none.
func (c *Cache[T]) Get(ctx context.Context, id string) (Versioned[T], error) {
	if err := CheckID(id); err != nil {
		return Versioned[T]{}, err
	}
	fresh, err := c.reach(ctx)
	if err != nil {
		return Versioned[T]{}, err
	}
	if !fresh {
		return c.col.Get(ctx, id)
	}
	v, ok := c.Peek(id)
	if !ok {
		return Versioned[T]{}, ErrNotFound.With("key", c.col.Key(id))
	}
	return v, nil
}
