package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/testkit"
)

type typedEvent = store.TypedEvent[*wrapperspb.Int64Value]

func testCacheFresh(t *testing.T, e env) {
	c, ctx := e.numbers(), t.Context()
	if _, err := c.Create(ctx, "0", number(0)); err != nil {
		t.Fatal(err)
	}
	cache := store.NewCacheWith(c, store.CacheConfig{Wait: limit, Log: testkit.Logger(t)})
	if got, err := cache.Get(ctx, "0"); err != nil || got.Value.GetValue() != 0 {
		t.Fatalf("before it runs: %+v, %v", got, err)
	}
	defer running(t, cache.Run)()
	testkit.Eventually(t, limit, func() error {
		if !cache.Synced() {
			return errors.New("not synced")
		}
		return nil
	})
	for i := 1; i <= 20; i++ { // each read sees the write just before it
		id := fmt.Sprint(i)
		made, err := c.Create(ctx, id, number(int64(i)))
		if err != nil {
			t.Fatal(err)
		}
		items, rev, err := cache.List(ctx)
		if err != nil || len(items) != i+1 || rev < made.ModRevision {
			t.Fatalf("%d items at %d, %v, want %d at %d or later", len(items), rev, err, i+1, made.ModRevision)
		}
		if _, err := cache.Get(ctx, id); err != nil {
			t.Fatal(err)
		}
		e.elsewhere(t) // a revision that this cache never hears of by itself
	}
	if err := c.Delete(ctx, "7"); err != nil {
		t.Fatal(err)
	}
	if _, err := cache.Get(ctx, "7"); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("deleted: %v", err)
	}
}

func testSubscribe(t *testing.T, e env) {
	c := e.numbers()
	made, err := c.Create(t.Context(), "a", number(1))
	if err != nil {
		t.Fatal(err)
	}
	cache := store.NewCache(c)
	defer running(t, cache.Run)()
	ctx, cancel := context.WithCancel(t.Context())
	events, why := cache.Subscribe(ctx, 0)
	if ev := take(t, events); ev.Type != store.Put || ev.ID != "a" {
		t.Fatalf("got %+v", ev)
	}
	synced := take(t, events)
	if synced.Type != store.Synced || synced.Revision < made.ModRevision {
		t.Fatalf("got %+v", synced)
	}
	if _, err := c.Create(t.Context(), "b", number(2)); err != nil {
		t.Fatal(err)
	}
	if ev := take(t, events); ev.Type != store.Put || ev.ID != "b" {
		t.Fatalf("got %+v", ev)
	}
	if err := c.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if ev := take(t, events); ev.Type != store.Delete || ev.ID != "a" || ev.Item.Value.GetValue() != 1 {
		t.Fatalf("got %+v, want the deletion with what was deleted", ev)
	}
	cancel()
	closed(t, events)
	if err := why(); !errors.Is(err, context.Canceled) {
		t.Fatalf("why: %v", err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	resumed, _ := cache.Subscribe(ctx, synced.Revision)
	got := []typedEvent{take(t, resumed), take(t, resumed), take(t, resumed)}
	if got[0].ID != "b" || got[1].Type != store.Delete || got[2].Type != store.Synced {
		t.Fatalf("resumed: %+v", got)
	}
	cancel()
	closed(t, resumed)
}

func testSubscribeForgotten(t *testing.T, e env) {
	c := e.numbers()
	old, err := c.Create(t.Context(), "a", number(1))
	if err != nil {
		t.Fatal(err)
	}
	e.elsewhere(t)
	cache := store.NewCache(c)
	defer running(t, cache.Run)()
	events, why := cache.Subscribe(t.Context(), old.ModRevision)
	closed(t, events)
	if err := why(); !errors.Is(err, store.ErrCompacted) {
		t.Fatalf("why: %v", err)
	}
}
