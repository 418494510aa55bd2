package interceptor

import (
	"context"
	"time"
)

// DefaultDeadline is given to unary calls that bring no deadline.
const DefaultDeadline = 30 * time.Second

// Deadline gives a unary call without a deadline one of d, so that a caller
// that forgets cannot hold a handler for ever. A deadline that the caller set
// is kept, however long; streams last as long as they last.
func Deadline(d time.Duration) Interceptor {
	return func(ctx context.Context, call *Call, next func(context.Context) error) error {
		if _, set := ctx.Deadline(); set || call.Stream {
			return next(ctx)
		}
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		return next(ctx)
	}
}
