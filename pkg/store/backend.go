package store

import "context"

// Backend is what a store has to offer; everything else is written once, over
// it. Package storetest says in tests what each method promises.
type Backend interface {
	// Get reads one key, as of now. ErrNotFound when there is none.
	Get(ctx context.Context, key string) (KV, error)
	// List reads keys with a prefix in ascending order.
	List(ctx context.Context, q ListQuery) (ListResult, error)
	// Txn applies ops, all at one revision, when all conds are true, and
	// nothing otherwise; conds that are false are no error. Either list may be
	// empty; a key may appear in one op only.
	Txn(ctx context.Context, conds []Cond, ops []Op) (TxnResult, error)
	// Watch gives the events under prefix with a revision greater than after,
	// in order. The channel closes once: when ctx ends or the watch cannot go
	// on. The function then says why; before that it waits.
	Watch(ctx context.Context, prefix string, after int64) (<-chan Event, func() error)
	// Revision is the newest revision of the store, as of now.
	Revision(ctx context.Context) (int64, error)
	// Close ends the connection and every watch.
	Close() error
}

// ProgressRequester is an optional extra of a Backend: it asks for a Progress
// event on the watches that were started with ctx or a child of it (see
// WithStream). The event comes through those watches, in order with the rest.
type ProgressRequester interface {
	RequestProgress(ctx context.Context) error
}

// KV is one key with its value and its two revisions.
type KV struct {
	Key            string
	Value          []byte
	CreateRevision int64
	ModRevision    int64
}

// ListQuery says what to list.
type ListQuery struct {
	// Prefix of the keys, required.
	Prefix string
	// StartAfter is a whole key; what comes is greater. Empty: from the first.
	StartAfter string
	// Limit of items in the answer; 0 is no limit.
	Limit int
	// Revision to read at; 0 is now. ErrCompacted when it is gone.
	Revision int64
}

// ListResult is what List found.
type ListResult struct {
	Items []KV
	// Revision that the answer is true for: ask for the next page at this one,
	// watch after this one.
	Revision int64
	// More says that Limit cut the answer.
	More bool
}

// TxnResult is the outcome of a transaction.
type TxnResult struct {
	// Succeeded says that the conditions held and the operations were applied.
	Succeeded bool
	// Revision of the write; when nothing was written, that of the store.
	Revision int64
}

type streamKey struct{}

// WithStream names the stream that watches started with this context share.
// A Cache gives its watch a stream of its own, so that a progress request waits
// for no other watch.
func WithStream(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, streamKey{}, name)
}

// StreamOf is the name that WithStream gave; empty when there is none.
func StreamOf(ctx context.Context) string {
	name, _ := ctx.Value(streamKey{}).(string)
	return name
}
