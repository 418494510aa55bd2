package store

import "stampworks.dev/pkg/errs"

// What a store tells apart. Errors that come back are these with the key in
// their metadata: compare with errors.Is.
var (
	// ErrNotFound says that the key does not exist.
	ErrNotFound = errs.New(errs.NotFound, "NOT_FOUND", "not found")
	// ErrExists says that Create found the key taken.
	ErrExists = errs.New(errs.AlreadyExists, "ALREADY_EXISTS", "already exists")
	// ErrConflict says that somebody else changed the key first.
	ErrConflict = errs.New(errs.Conflict, "CONFLICT", "changed by somebody else meanwhile")
	// ErrGuard says that a guard of the write does not hold (any more): the
	// claim that it stands for belongs to somebody else. Nothing was written.
	ErrGuard = errs.New(errs.FailedPrecondition, "CLAIM_LOST", "the guard of this write does not hold")
	// ErrCompacted says that the asked revision is forgotten: list again.
	ErrCompacted = errs.New(errs.FailedPrecondition, "LIST_AGAIN", "revision is no longer available: list again")
	// ErrTooLarge says that a value is over the collection's limit.
	ErrTooLarge = errs.New(errs.TooLarge, "VALUE_TOO_LARGE", "value is too large")
	// ErrTxnTooLarge says that a transaction has more parts than MaxTxnOps.
	ErrTxnTooLarge = errs.New(errs.TooLarge, "TRANSACTION_TOO_LARGE", "transaction has too many parts")
	// ErrUnavailable says that the store did not answer.
	ErrUnavailable = errs.New(errs.Unavailable, "STORE_UNAVAILABLE", "store is unavailable")
)
