// Package store keeps protobuf messages under string keys, with versions,
// transactions and watches, over a small Backend.
//
// The contract:
//
//   - Every write has a revision, one number for the whole store that only
//     grows. An item remembers the revision that created it and the one that
//     changed it last. A deleted and re-created key has new numbers for both,
//     so neither ever means two different things.
//   - Collection is the typed view of one prefix. Update is the one
//     read-modify-write: compare-and-swap on ModRevision, tried again on a
//     conflict and on nothing else, no write when nothing changed.
//   - A guard is a condition that rides along with a write, above all
//     claim.Claim.Guard: the write happens only while the claim is held. A guard
//     that does not hold is ErrGuard, and nothing was written.
//   - A watch gives every event after a revision, in order, once. When the
//     store has forgotten that far back it ends with ErrCompacted: list again,
//     then watch from the revision of that list.
//   - Cache is the watch that a replica shares among all its readers. Its List
//     and Get are as fresh as a read of the store; Snapshot answers from memory,
//     also while the store is away. What a Cache hands out is shared: read it,
//     never change it.
//   - A write that ends with Unavailable or DeadlineExceeded may or may not have
//     happened. Read again before acting on it.
//   - Errors carry a kind of package errs. Everything here may be used from
//     several goroutines at once.
//
// Keys are printable, at most MaxKeyBytes long, without "//". One value is at
// most DefaultMaxBytes (64 KiB) of encoded message unless the collection says
// otherwise: the store is for state, not for payloads.
package store
