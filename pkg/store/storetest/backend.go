package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
)

func testNotFound(t *testing.T, e env) {
	_, err := e.backend.Get(t.Context(), e.prefix+"nothing")
	if !errors.Is(err, store.ErrNotFound) || errs.KindOf(err) != errs.NotFound {
		t.Fatalf("got %v", err)
	}
}

func testRevisions(t *testing.T, e env) {
	first := e.put(t, "k", "1")
	second := e.put(t, "k", "2")
	kv, err := e.backend.Get(t.Context(), e.prefix+"k")
	if err != nil {
		t.Fatal(err)
	}
	if string(kv.Value) != "2" || kv.CreateRevision != first || kv.ModRevision != second || second <= first {
		t.Fatalf("got %+v, want created %d, changed %d", kv, first, second)
	}
	if _, err := e.backend.Txn(t.Context(), nil, []store.Op{store.DeleteOp(e.prefix + "k")}); err != nil {
		t.Fatal(err)
	}
	again := e.put(t, "k", "3")
	kv, err = e.backend.Get(t.Context(), e.prefix+"k")
	if err != nil || kv.CreateRevision != again {
		t.Fatalf("made again: %+v, %v", kv, err)
	}
	if now, err := e.backend.Revision(t.Context()); err != nil || now < again {
		t.Fatalf("revision %d, %v, want at least %d", now, err, again)
	}
}

func testTxn(t *testing.T, e env) {
	rev := e.put(t, "a", "1")
	ops := []store.Op{store.PutOp(e.prefix+"a", []byte("2")), store.PutOp(e.prefix+"b", []byte("2"))}
	res, err := e.backend.Txn(t.Context(), []store.Cond{store.ModRevisionIs(e.prefix+"a", rev), store.Exists(e.prefix + "b")}, ops)
	if err != nil || res.Succeeded {
		t.Fatalf("one false condition: %+v, %v", res, err)
	}
	if kv, err := e.backend.Get(t.Context(), e.prefix+"a"); err != nil || string(kv.Value) != "1" {
		t.Fatalf("refused transaction wrote %q, %v", kv.Value, err)
	}
	res, err = e.backend.Txn(t.Context(), []store.Cond{store.ModRevisionIs(e.prefix+"a", rev), store.Absent(e.prefix + "b")}, ops)
	if err != nil || !res.Succeeded {
		t.Fatalf("true conditions: %+v, %v", res, err)
	}
	for _, key := range []string{"a", "b"} {
		if kv, err := e.backend.Get(t.Context(), e.prefix+key); err != nil || kv.ModRevision != res.Revision {
			t.Fatalf("%s: %+v, %v, want one revision %d", key, kv, err, res.Revision)
		}
	}
}

func testConditions(t *testing.T, e env) {
	created := e.put(t, "k", "1")
	changed := e.put(t, "k", "2")
	key, none := e.prefix+"k", e.prefix+"none"
	tests := []struct {
		name string
		cond store.Cond
		want bool
	}{
		{"create revision", store.CreateRevisionIs(key, created), true},
		{"another create revision", store.CreateRevisionIs(key, changed), false},
		{"mod revision", store.ModRevisionIs(key, changed), true},
		{"old mod revision", store.ModRevisionIs(key, created), false},
		{"exists", store.Exists(key), true},
		{"exists not", store.Exists(none), false},
		{"absent", store.Absent(none), true},
		{"absent not", store.Absent(key), false},
	}
	for _, tt := range tests {
		res, err := e.backend.Txn(t.Context(), []store.Cond{tt.cond}, nil)
		if err != nil || res.Succeeded != tt.want {
			t.Errorf("%s: %v, %v, want %v", tt.name, res.Succeeded, err, tt.want)
		}
	}
}

func testTxnRefusals(t *testing.T, e env) {
	many := make([]store.Op, store.MaxTxnOps+1)
	for i := range many {
		many[i] = store.PutOp(fmt.Sprintf("%s%d", e.prefix, i), nil)
	}
	if _, err := e.backend.Txn(t.Context(), nil, many); !errors.Is(err, store.ErrTxnTooLarge) {
		t.Errorf("%d operations: %v", len(many), err)
	}
	if res, err := e.backend.Txn(t.Context(), nil, many[:store.MaxTxnOps]); err != nil || !res.Succeeded {
		t.Errorf("%d operations: %+v, %v", store.MaxTxnOps, res, err)
	}
	bad := [][]store.Op{
		{store.PutOp("", nil)},
		{store.PutOp("a//b", nil)},
		{store.PutOp("a\x00b", nil)},
		{store.PutOp(e.prefix+"x", nil), store.DeleteOp(e.prefix + "x")},
	}
	for _, ops := range bad {
		if _, err := e.backend.Txn(t.Context(), nil, ops); errs.KindOf(err) != errs.InvalidArgument {
			t.Errorf("%q: %v", ops[0].Key, err)
		}
	}
}

func testPages(t *testing.T, e env) {
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		e.put(t, key, "1")
	}
	q := store.ListQuery{Prefix: e.prefix, Limit: 2}
	first, err := e.backend.List(t.Context(), q)
	if err != nil || len(first.Items) != 2 || !first.More {
		t.Fatalf("first page: %+v, %v", first, err)
	}
	e.put(t, "bb", "later")
	q.StartAfter, q.Revision, q.Limit = first.Items[1].Key, first.Revision, 3
	rest, err := e.backend.List(t.Context(), q)
	if err != nil || rest.More || rest.Revision != first.Revision {
		t.Fatalf("second page: %+v, %v", rest, err)
	}
	got := describe(rest.Items, func(kv store.KV) string { return kv.Key[len(e.prefix):] })
	if got != "3: c d e " {
		t.Fatalf("second page at the first one's revision: %s", got)
	}
}

func testListCompacted(t *testing.T, e env) {
	old := e.put(t, "a", "1")
	e.put(t, "a", "2")
	e.Compact(t)
	if _, err := e.backend.List(t.Context(), store.ListQuery{Prefix: e.prefix, Revision: old}); !errors.Is(err, store.ErrCompacted) {
		t.Fatalf("got %v", err)
	}
}

func testCanceled(t *testing.T, e env) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.backend.Get(ctx, e.prefix+"k"); errs.KindOf(err) != errs.Canceled || !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v (%v)", err, errs.KindOf(err))
	}
}
