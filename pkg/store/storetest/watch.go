package storetest

import (
	"context"
	"errors"
	"testing"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
)

func testWatchResume(t *testing.T, e env) {
	first := e.put(t, "a", "1")
	ctx, cancel := context.WithCancel(t.Context())
	events, why := e.backend.Watch(ctx, e.prefix, first)
	second := e.put(t, "b", "2")
	if ev := receive(t, events); ev.Type != store.Put || ev.KV.Key != e.prefix+"b" || ev.Revision != second {
		t.Fatalf("got %+v", ev)
	}
	cancel()
	closed(t, events)
	if err := why(); errs.KindOf(err) != errs.Canceled {
		t.Fatalf("why: %v", err)
	}

	// What happened while nobody watched comes too.
	e.put(t, "a", "3")
	if _, err := e.backend.Txn(t.Context(), nil, []store.Op{store.DeleteOp(e.prefix + "b")}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	events, why = e.backend.Watch(ctx, e.prefix, second)
	if ev := receive(t, events); ev.Type != store.Put || string(ev.KV.Value) != "3" || ev.KV.CreateRevision != first {
		t.Fatalf("got %+v", ev)
	}
	if ev := receive(t, events); ev.Type != store.Delete || ev.KV.Key != e.prefix+"b" {
		t.Fatalf("got %+v", ev)
	}
	cancel()
	closed(t, events)
	_ = why()
}

func testWatchTxn(t *testing.T, e env) {
	after := e.put(t, "a", "1")
	ctx, cancel := context.WithCancel(t.Context())
	events, _ := e.backend.Watch(ctx, e.prefix, after)
	res, err := e.backend.Txn(t.Context(), nil, []store.Op{store.PutOp(e.prefix+"x", nil), store.PutOp(e.prefix+"y", nil)})
	if err != nil {
		t.Fatal(err)
	}
	one, two := receive(t, events), receive(t, events)
	if one.Revision != res.Revision || two.Revision != res.Revision || !one.More || two.More {
		t.Fatalf("got %+v, %+v, want revision %d, More on the first alone", one, two, res.Revision)
	}
	cancel()
	closed(t, events)
}

func testWatchCompacted(t *testing.T, e env) {
	old := e.put(t, "a", "1")
	e.put(t, "a", "2")
	e.put(t, "a", "3")
	e.Compact(t)
	events, why := e.backend.Watch(t.Context(), e.prefix, old)
	closed(t, events)
	if err := why(); !errors.Is(err, store.ErrCompacted) {
		t.Fatalf("why: %v", err)
	}
	// The way out of it: list again, watch from there.
	list, err := e.backend.List(t.Context(), store.ListQuery{Prefix: e.prefix})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("list again: %+v, %v", list, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	events, _ = e.backend.Watch(ctx, e.prefix, list.Revision)
	e.put(t, "a", "4")
	if ev := receive(t, events); string(ev.KV.Value) != "4" {
		t.Fatalf("got %+v", ev)
	}
	cancel()
	closed(t, events)
}

func testWatchCancel(t *testing.T, e env) {
	rev := e.put(t, "a", "1")
	e.put(t, "a", "2") // an event that nobody takes
	ctx, cancel := context.WithCancel(t.Context())
	events, why := e.backend.Watch(ctx, e.prefix, rev)
	cancel()
	closed(t, events)
	if err := why(); !errors.Is(err, context.Canceled) {
		t.Fatalf("why: %v", err)
	}
}

func testProgress(t *testing.T, e env) {
	asker, ok := e.backend.(store.ProgressRequester)
	if !ok {
		t.Skipf("%T cannot be asked for progress", e.backend)
	}
	rev := e.put(t, "a", "1")
	ctx, cancel := context.WithCancel(store.WithStream(t.Context(), "progress"))
	events, _ := e.backend.Watch(ctx, e.prefix, rev-1)
	receive(t, events) // now it is up to date
	if err := asker.RequestProgress(ctx); err != nil {
		t.Fatal(err)
	}
	if ev := take(t, events); ev.Type != store.Progress || ev.Revision < rev {
		t.Fatalf("got %+v", ev)
	}
	cancel()
	closed(t, events)
}
