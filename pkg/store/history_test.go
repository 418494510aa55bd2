package store

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"
)

type event = TypedEvent[*wrapperspb.Int64Value]

func TestHistoryForgetsTheOldest(t *testing.T) {
	var h history[*wrapperspb.Int64Value]
	for rev := int64(1); rev <= historyEvents+1; rev++ {
		h.add(event{Type: Put, Revision: rev})
	}
	if h.end() != historyEvents+1 {
		t.Fatalf("end is %d", h.end())
	}
	if _, ok := h.position(h.floor - 1); ok {
		t.Fatal("resumed from what is forgotten")
	}
	pos, ok := h.position(h.floor)
	if !ok {
		t.Fatal("refused what is remembered")
	}
	events, ok := h.from(pos)
	if !ok || len(events) == 0 || events[0].Revision != h.floor+1 || events[len(events)-1].Revision != historyEvents+1 {
		t.Fatalf("%d events from %d, floor %d", len(events), pos, h.floor)
	}
	if _, ok := h.from(0); ok {
		t.Fatal("gave what is forgotten")
	}
}

// After a gap, those who listen get the difference, and those who come back from
// before it are told to list again.
func TestReplaceAfterAGap(t *testing.T) {
	c := NewCache(NewCollection[*wrapperspb.Int64Value](nil, "/p/", nil))
	item := func(id string, rev int64) Versioned[*wrapperspb.Int64Value] {
		return Versioned[*wrapperspb.Int64Value]{Key: "/p/" + id, ModRevision: rev, Value: wrapperspb.Int64(rev)}
	}
	c.replace([]Versioned[*wrapperspb.Int64Value]{item("a", 1), item("b", 2), item("c", 3)}, 5)
	events, _ := c.Subscribe(t.Context(), 0)
	for range 4 {
		<-events
	}
	c.replace([]Versioned[*wrapperspb.Int64Value]{item("a", 1), item("b", 7), item("d", 8)}, 9)
	want := []event{{Type: Put, ID: "b", More: true}, {Type: Put, ID: "d", More: true}, {Type: Delete, ID: "c"}}
	for _, w := range want {
		if ev := <-events; ev.Type != w.Type || ev.ID != w.ID || ev.More != w.More || ev.Revision != 9 {
			t.Fatalf("got %+v, want %+v", ev, w)
		}
	}
	gone, why := c.Subscribe(t.Context(), 5)
	if _, open := <-gone; open || !errors.Is(why(), ErrCompacted) {
		t.Fatalf("resumed over the gap: %v", why())
	}
}

func TestTransactionBecomesVisibleAtOnce(t *testing.T) {
	c := NewCache(NewCollection[*wrapperspb.Int64Value](nil, "/p/", nil))
	c.replace(nil, 1)
	put := func(id string, more bool) {
		c.apply(event{Type: Put, ID: id, Revision: 2, More: more, Item: Versioned[*wrapperspb.Int64Value]{Key: "/p/" + id, ModRevision: 2}})
	}
	put("a", true)
	if items, rev := c.Snapshot(); len(items) != 0 || rev != 1 {
		t.Fatalf("half a transaction: %d items at %d", len(items), rev)
	}
	put("b", false)
	if items, rev := c.Snapshot(); len(items) != 2 || rev != 2 {
		t.Fatalf("%d items at %d", len(items), rev)
	}
}

func TestSubscribeBeforeTheCacheIsFilled(t *testing.T) {
	c := NewCache(NewCollection[*wrapperspb.Int64Value](nil, "/p/", nil))
	ctx, cancel := context.WithCancel(t.Context())
	events, why := c.Subscribe(ctx, 0)
	cancel()
	if _, open := <-events; open || !errors.Is(why(), context.Canceled) {
		t.Fatalf("why: %v", why())
	}
}
