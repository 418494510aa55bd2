package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
)

func testCollection(t *testing.T, e env) {
	c, ctx := e.numbers(), t.Context()
	made, err := c.Create(ctx, "n", number(1))
	if err != nil || made.Key != e.prefix+"n" || made.CreateRevision != made.ModRevision {
		t.Fatalf("create: %+v, %v", made, err)
	}
	if _, err := c.Create(ctx, "n", number(2)); !errors.Is(err, store.ErrExists) {
		t.Fatalf("create again: %v", err)
	}
	changed, err := c.Update(ctx, "n", func(n *wrapperspb.Int64Value) error { n.Value++; return nil })
	if err != nil || changed.Value.GetValue() != 2 || changed.ModRevision <= made.ModRevision {
		t.Fatalf("update: %+v, %v", changed, err)
	}
	own := errors.New("no")
	if _, err := c.Update(ctx, "n", func(*wrapperspb.Int64Value) error { return own }); !errors.Is(err, own) {
		t.Fatalf("update that refuses: %v", err)
	}
	got, err := c.Get(ctx, "n")
	if err != nil || got.Value.GetValue() != 2 || got.ModRevision != changed.ModRevision || got.CreateRevision != made.CreateRevision {
		t.Fatalf("get: %+v, %v", got, err)
	}
	if err := c.Delete(ctx, "n"); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(ctx, "n"); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("delete again: %v", err)
	}
	if _, err := c.Update(ctx, "n", func(*wrapperspb.Int64Value) error { return nil }); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("update of nothing: %v", err)
	}
}

func testNoChange(t *testing.T, e env) {
	c := e.numbers()
	made, err := c.Create(t.Context(), "n", number(1))
	if err != nil {
		t.Fatal(err)
	}
	same, err := c.Update(t.Context(), "n", func(n *wrapperspb.Int64Value) error { n.Value = 1; return nil })
	if err != nil || same.ModRevision != made.ModRevision {
		t.Fatalf("wrote an equal message: %+v, %v", same, err)
	}
	held := store.Absent(e.prefix + "claim")
	if _, err := c.Update(t.Context(), "n", func(*wrapperspb.Int64Value) error { return nil }, held); err != nil {
		t.Fatalf("guard that holds: %v", err)
	}
	e.put(t, "claim", "other")
	if _, err := c.Update(t.Context(), "n", func(*wrapperspb.Int64Value) error { return nil }, held); !errors.Is(err, store.ErrGuard) {
		t.Fatalf("guard that does not hold, nothing to write: %v", err)
	}
}

func testConcurrent(t *testing.T, e env) {
	const writers, each = 8, 20
	c := e.numbers()
	if _, err := c.Create(t.Context(), "sum", number(0)); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range each {
				if _, err := c.Update(t.Context(), "sum", func(n *wrapperspb.Int64Value) error { n.Value++; return nil }); err != nil {
					t.Errorf("update: %v", err)
				}
			}
		})
	}
	all.Wait()
	got, err := c.Get(t.Context(), "sum")
	if err != nil || got.Value.GetValue() != writers*each {
		t.Fatalf("sum is %d, %v, want %d", got.Value.GetValue(), err, writers*each)
	}
}

func testGuards(t *testing.T, e env) {
	c, ctx := e.numbers(), t.Context()
	token := e.put(t, "claims/x", "me")
	guard := store.CreateRevisionIs(e.prefix+"claims/x", token)
	if _, err := c.Create(ctx, "n", number(1), guard); err != nil {
		t.Fatal(err)
	}
	// The claim goes to somebody else: same key, new token.
	if _, err := e.backend.Txn(ctx, nil, []store.Op{store.DeleteOp(e.prefix + "claims/x")}); err != nil {
		t.Fatal(err)
	}
	e.put(t, "claims/x", "you")
	_, create := c.Create(ctx, "m", number(1), guard)
	_, update := c.Update(ctx, "n", func(n *wrapperspb.Int64Value) error { n.Value = 9; return nil }, guard)
	remove := c.Delete(ctx, "n", guard)
	for name, err := range map[string]error{"create": create, "update": update, "delete": remove} {
		if !errors.Is(err, store.ErrGuard) || errs.ReasonOf(err) != "CLAIM_LOST" || errs.KindOf(err) != errs.FailedPrecondition {
			t.Errorf("%s with a stale token: %v", name, err)
		}
	}
	if got, err := c.Get(ctx, "n"); err != nil || got.Value.GetValue() != 1 {
		t.Fatalf("a stale token wrote: %+v, %v", got, err)
	}
}

func testLimits(t *testing.T, e env) {
	ctx := t.Context()
	c := store.NewCollection(e.backend, e.prefix, func() *wrapperspb.StringValue { return &wrapperspb.StringValue{} })
	big := wrapperspb.String(strings.Repeat("x", store.DefaultMaxBytes))
	if _, err := c.Create(ctx, "big", big); !errors.Is(err, store.ErrTooLarge) || errs.KindOf(err) != errs.TooLarge {
		t.Errorf("over the limit: %v", err)
	}
	if _, err := c.WithMaxBytes(store.LargeMaxBytes).Create(ctx, "big", big); err != nil {
		t.Errorf("under a larger limit: %v", err)
	}
	for _, id := range []string{"", "/a", "a//b", "a/", "a\nb", "\xff", strings.Repeat("a", store.MaxKeyBytes+1)} {
		if _, err := c.Create(ctx, id, wrapperspb.String("")); errs.KindOf(err) != errs.InvalidArgument {
			t.Errorf("create %q: %v", id, err)
		}
		if _, err := c.Get(ctx, id); errs.KindOf(err) != errs.InvalidArgument {
			t.Errorf("get %q: %v", id, err)
		}
	}
}

func testLongList(t *testing.T, e env) {
	const count = 1100 // more than two pages
	c, ctx := e.numbers(), t.Context()
	for start := 0; start < count; start += 100 {
		var ops []store.Op
		for i := start; i < start+100; i++ {
			ops = append(ops, c.PutOp(fmt.Sprintf("%05d", i), number(int64(i))))
		}
		if res, err := e.backend.Txn(ctx, nil, ops); err != nil || !res.Succeeded {
			t.Fatal(err)
		}
	}
	all, rev, err := c.List(ctx, store.ListOptions{})
	if err != nil || len(all) != count || rev == 0 {
		t.Fatalf("%d items at %d, %v", len(all), rev, err)
	}
	for i, v := range all {
		if v.Value.GetValue() != int64(i) {
			t.Fatalf("item %d is %d", i, v.Value.GetValue())
		}
	}
	part, _, err := c.List(ctx, store.ListOptions{Prefix: "001", StartAfter: "00150", Limit: 3, Revision: rev})
	if got := describe(part, func(v store.Versioned[*wrapperspb.Int64Value]) string { return c.ID(v.Key) }); err != nil || got != "3: 00151 00152 00153 " {
		t.Fatalf("part: %s, %v", got, err)
	}
}

func testTypedWatch(t *testing.T, e env) {
	c := e.numbers()
	made, err := c.Create(t.Context(), "n", number(1))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	events, why := c.Watch(ctx, made.ModRevision-1)
	if ev := take(t, events); ev.ID != "n" || ev.Item.Value.GetValue() != 1 || ev.Revision != made.ModRevision {
		t.Fatalf("got %+v", ev)
	}
	cancel()
	closed(t, events)
	if err := why(); !errors.Is(err, context.Canceled) {
		t.Fatalf("why: %v", err)
	}
	e.put(t, "broken", "\xff\xff")
	events, why = c.Watch(t.Context(), made.ModRevision)
	closed(t, events)
	if err := why(); err == nil || !strings.Contains(err.Error(), e.prefix+"broken") {
		t.Fatalf("a value that is no message: %v", err)
	}
}
