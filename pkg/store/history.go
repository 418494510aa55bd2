package store

import (
	"sort"

	"google.golang.org/protobuf/proto"
)

// historyEvents is how many events a Cache remembers for those who subscribe
// again, and how far a slow subscriber may fall behind.
const historyEvents = 8192

// history is the newest events of a cache, at absolute positions that only grow.
// Events are never changed once in, so parts of it may be read without a lock.
type history[T proto.Message] struct {
	events []TypedEvent[T]
	base   int   // position of events[0]
	floor  int64 // all events with a greater revision are here
}

func (h *history[T]) end() int { return h.base + len(h.events) }

func (h *history[T]) add(evs ...TypedEvent[T]) {
	h.events = append(h.events, evs...)
	if len(h.events) <= historyEvents {
		return
	}
	drop := len(h.events) - historyEvents/2
	h.floor = max(h.floor, h.events[drop-1].Revision)
	h.events = append([]TypedEvent[T](nil), h.events[drop:]...)
	h.base += drop
}

// position of the first event after a revision; false when it may be forgotten.
func (h *history[T]) position(after int64) (int, bool) {
	if after < h.floor {
		return 0, false
	}
	i := sort.Search(len(h.events), func(i int) bool { return h.events[i].Revision > after })
	return h.base + i, true
}

// from gives the events from a position on; false when they are forgotten.
func (h *history[T]) from(pos int) ([]TypedEvent[T], bool) {
	if pos < h.base {
		return nil, false
	}
	n := len(h.events)
	return h.events[pos-h.base : n : n], true
}
