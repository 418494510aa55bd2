package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/testkit"
)

const limit = 30 * time.Second

func connect(t *testing.T, s *testkit.EtcdServer) *etcd.Backend {
	t.Helper()
	b, err := etcd.New(t.Context(), etcd.Config{Endpoints: s.Endpoints}, etcd.Deps{Log: testkit.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func start(t *testing.T, cache *store.Cache[*wrapperspb.Int64Value]) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- cache.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func numbers(b *etcd.Backend, prefix string) *store.Collection[*wrapperspb.Int64Value] {
	return store.NewCollection(b, prefix, func() *wrapperspb.Int64Value { return &wrapperspb.Int64Value{} })
}

func awaitItems(t *testing.T, cache *store.Cache[*wrapperspb.Int64Value], want int) {
	t.Helper()
	testkit.Eventually(t, limit, func() error {
		if items, rev := cache.Snapshot(); len(items) != want {
			return fmt.Errorf("%d items at %d, want %d", len(items), rev, want)
		}
		return nil
	})
}

// The store goes away, comes back with other content than before and without its
// history: the cache serves what it had, then what there is, and a subscriber
// hears exactly the difference.
func TestCacheOutlivesItsStore(t *testing.T) {
	server := testkit.OwnEtcd(t)
	c := numbers(connect(t, server), testkit.Prefix(t))
	for _, id := range []string{"stays", "goes"} {
		if _, err := c.Create(t.Context(), id, wrapperspb.Int64(1)); err != nil {
			t.Fatal(err)
		}
	}
	cache := store.NewCacheWith(c, store.CacheConfig{Log: testkit.Logger(t)})
	start(t, cache)
	awaitItems(t, cache, 2)
	events, _ := cache.Subscribe(t.Context(), 0)
	for range 3 {
		<-events
	}

	server.Stop(t)
	if items, _ := cache.Snapshot(); len(items) != 2 {
		t.Fatalf("%d items while the store is away", len(items))
	}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := cache.List(short); !errs.Is(err, errs.DeadlineExceeded) && !errs.Is(err, errs.Unavailable) {
		t.Fatalf("list while the store is away: %v", err)
	}

	server.Start(t)
	other := numbers(connect(t, server), c.Prefix())
	if err := other.Delete(t.Context(), "goes"); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Create(t.Context(), "comes", wrapperspb.Int64(2)); err != nil {
		t.Fatal(err)
	}
	server.Compact(t)
	seen := map[string]store.EventType{}
	late := time.After(limit)
	for len(seen) < 2 {
		select {
		case ev, ok := <-events:
			if !ok {
				t.Fatal("subscription ended")
			}
			seen[ev.ID] = ev.Type
		case <-late:
			t.Fatalf("subscriber heard %v", seen)
		}
	}
	if seen["goes"] != store.Delete || seen["comes"] != store.Put {
		t.Fatalf("subscriber heard %v", seen)
	}
	if items, _, err := cache.List(t.Context()); err != nil || len(items) != 2 {
		t.Fatalf("%d items, %v", len(items), err)
	}
}

// deaf is a store whose watches tell nothing.
type deaf struct{ *etcd.Backend }

func (deaf) Watch(ctx context.Context, _ string, _ int64) (<-chan store.Event, func() error) {
	out := make(chan store.Event)
	go func() {
		<-ctx.Done()
		close(out)
	}()
	return out, ctx.Err
}

func TestCacheWithADeafWatch(t *testing.T) {
	b := connect(t, testkit.Etcd(t))
	c := numbers(b, testkit.Prefix(t))
	blind := store.NewCollection(deaf{b}, c.Prefix(), func() *wrapperspb.Int64Value { return &wrapperspb.Int64Value{} })
	cache := store.NewCacheWith(blind, store.CacheConfig{Resync: 50 * time.Millisecond, Wait: 10 * time.Millisecond})
	if _, err := c.Create(t.Context(), "a", wrapperspb.Int64(1)); err != nil {
		t.Fatal(err)
	}
	start(t, cache)
	awaitItems(t, cache, 1)
	if _, err := c.Create(t.Context(), "b", wrapperspb.Int64(1)); err != nil {
		t.Fatal(err)
	}
	// List is right all the same: it reads the store.
	if items, _, err := cache.List(t.Context()); err != nil || len(items) != 2 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	// The resync finds a deletion that the watch did not tell.
	if err := c.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, limit, func() error {
		if _, still := cache.Peek("a"); still {
			return errors.New("a is still there")
		}
		return nil
	})
}

func TestUnavailable(t *testing.T) {
	b, err := etcd.New(t.Context(), etcd.Config{Endpoints: []string{"127.0.0.1:1"}}, etcd.Deps{})
	if err != nil {
		t.Fatalf("new does not wait for etcd: %v", err)
	}
	defer func() { _ = b.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = b.Get(ctx, "k")
	if k := errs.KindOf(err); k != errs.DeadlineExceeded && k != errs.Unavailable {
		t.Fatalf("got %v (%v)", err, k)
	}
	if _, err := etcd.New(t.Context(), etcd.Config{}, etcd.Deps{}); !errs.Is(err, errs.InvalidArgument) {
		t.Fatalf("no endpoints: %v", err)
	}
	bad := etcd.Config{Endpoints: []string{"https://127.0.0.1:1"}, TLS: etcd.TLSConfig{CA: "/nonexistent"}}
	if _, err := etcd.New(t.Context(), bad, etcd.Deps{}); !errs.Is(err, errs.InvalidArgument) {
		t.Fatalf("no certificate authority: %v", err)
	}
}
