package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"go.uber.org/goleak"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/testkit"
)

// limit for anything that a test waits for.
const limit = 15 * time.Second

// Target is a backend under test.
type Target struct {
	// New connects; all connections see the same store. The suite closes it.
	New func(t *testing.T) store.Backend
	// Compact makes the store forget all revisions but the newest.
	Compact func(t *testing.T)
}

// env is what each test gets: a connection, and a prefix of its own.
type env struct {
	Target
	backend store.Backend
	prefix  string
}

// Run runs the suite, one subtest per promise. Whatever a test starts must have
// ended when its backend is closed.
func Run(t *testing.T, target Target) {
	tests := []struct {
		name string
		test func(t *testing.T, e env)
	}{
		{"GetOfNothingIsNotFound", testNotFound},
		{"RevisionsOfAKey", testRevisions},
		{"TxnIsAllOrNothing", testTxn},
		{"TxnConditions", testConditions},
		{"TxnRefusals", testTxnRefusals},
		{"ListPagesAtOneRevision", testPages},
		{"ListOfACompactedRevision", testListCompacted},
		{"WatchResumes", testWatchResume},
		{"WatchKeepsTransactionsTogether", testWatchTxn},
		{"WatchOfACompactedRevision", testWatchCompacted},
		{"WatchEndsWithItsContext", testWatchCancel},
		{"WatchProgress", testProgress},
		{"CanceledContext", testCanceled},
		{"CollectionCreateUpdateDelete", testCollection},
		{"CollectionUpdateWithoutChange", testNoChange},
		{"CollectionConcurrentUpdatesAddUp", testConcurrent},
		{"CollectionGuards", testGuards},
		{"CollectionLimits", testLimits},
		{"CollectionListsLongPrefixes", testLongList},
		{"CollectionWatch", testTypedWatch},
		{"CacheIsFresh", testCacheFresh},
		{"CacheSubscribe", testSubscribe},
		{"CacheSubscribeForgotten", testSubscribeForgotten},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			e := env{Target: target, backend: target.New(t), prefix: testkit.Prefix(t)}
			tt.test(t, e)
			if err := e.backend.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			goleak.VerifyNone(t, before)
		})
	}
}

func (e env) numbers() *store.Collection[*wrapperspb.Int64Value] {
	return store.NewCollection(e.backend, e.prefix, func() *wrapperspb.Int64Value { return &wrapperspb.Int64Value{} })
}

func number(n int64) *wrapperspb.Int64Value { return wrapperspb.Int64(n) }

// put writes one key and gives its revision.
func (e env) put(t *testing.T, key, value string) int64 {
	t.Helper()
	res, err := e.backend.Txn(t.Context(), nil, []store.Op{store.PutOp(e.prefix+key, []byte(value))})
	if err != nil || !res.Succeeded {
		t.Fatalf("put %s: %v, %+v", key, err, res)
	}
	return res.Revision
}

// elsewhere makes a revision that is not under the test's prefix.
func (e env) elsewhere(t *testing.T) {
	t.Helper()
	other := env{backend: e.backend, prefix: testkit.Prefix(t)}
	other.put(t, "k", "")
}

// running runs fn beside the test; the function that it gives ends it and waits.
func running(t *testing.T, fn func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	return func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("run: %v", err)
			}
		case <-time.After(limit):
			t.Errorf("does not end with its context")
		}
	}
}

// receive takes one event, Progress aside.
func receive(t *testing.T, events <-chan store.Event) store.Event {
	t.Helper()
	for {
		ev := take(t, events)
		if ev.Type != store.Progress {
			return ev
		}
	}
}

// take takes one value of any channel, or fails.
func take[E any](t *testing.T, ch <-chan E) (ev E) {
	t.Helper()
	var open bool
	select {
	case ev, open = <-ch:
		if !open {
			t.Fatal("channel closed too early")
		}
	case <-time.After(limit):
		t.Fatal("no event in time")
	}
	return ev
}

// closed waits until a channel closes.
func closed[E any](t *testing.T, ch <-chan E) {
	t.Helper()
	late := time.After(limit)
	for {
		select {
		case _, ok := <-ch:
			if !ok {
				return
			}
		case <-late:
			t.Fatal("channel does not close")
		}
	}
}

func describe[E any](items []E, one func(E) string) string {
	out := ""
	for _, i := range items {
		out += one(i) + " "
	}
	return fmt.Sprintf("%d: %s", len(items), out)
}
