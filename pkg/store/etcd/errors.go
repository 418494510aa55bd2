package etcd

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
)

// mapError gives an error of etcd its kind. ctx is the caller's own: when that
// one ended, the error says so; when only our timeout did, the store was away.
func mapError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	switch ended := ctx.Err(); {
	case errors.Is(ended, context.Canceled):
		return errs.New(errs.Canceled, "CANCELED", "%w", ended)
	case errors.Is(ended, context.DeadlineExceeded):
		return errs.New(errs.DeadlineExceeded, "DEADLINE_EXCEEDED", "%w", ended)
	}
	err = rpctypes.Error(err)
	switch {
	case errors.Is(err, rpctypes.ErrCompacted), errors.Is(err, rpctypes.ErrFutureRev):
		return store.ErrCompacted.Because(err)
	case errors.Is(err, rpctypes.ErrNoSpace):
		return errs.New(errs.ResourceExhausted, "STORE_NO_SPACE", "etcd has no space left: compact, defragment, disarm the alarm: %w", err)
	case errors.Is(err, rpctypes.ErrRequestTooLarge):
		return errs.New(errs.TooLarge, store.ErrTxnTooLarge.Reason, "request is larger than etcd takes (--max-request-bytes): %w", err)
	case errors.Is(err, rpctypes.ErrTooManyOps):
		return errs.New(errs.TooLarge, store.ErrTxnTooLarge.Reason, "etcd takes fewer parts in a transaction (--max-txn-ops): %w", err)
	case errors.Is(err, rpctypes.ErrLeaseNotFound):
		return errs.New(errs.FailedPrecondition, "LEASE_LOST", "%w", err)
	}
	switch codeOf(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return store.ErrUnavailable.Because(err)
	case codes.ResourceExhausted:
		return errs.New(errs.ResourceExhausted, "STORE_BUSY", "%w", err)
	case codes.Unauthenticated, codes.PermissionDenied: // ours, not our caller's: stays internal
		return errs.New(errs.Internal, "STORE_REFUSED", "%w", err)
	}
	return err
}

func codeOf(err error) codes.Code {
	var coded interface{ Code() codes.Code }
	if errors.As(err, &coded) {
		return coded.Code()
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return codes.Canceled
	}
	return status.Code(err)
}

// bounded gives ctx a deadline if it has none.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, OperationTimeout)
}
