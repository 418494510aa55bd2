package interceptor

import (
	"context"
	"errors"

	"stampworks.dev/pkg/errs"
)

// Stopping ends streams when the server begins to stop, which is when the
// given context ends, so that a watch of a day does not hold up the drain;
// unary calls go on to their end. The client reads UNAVAILABLE and connects to
// another replica.
func Stopping(server context.Context) Interceptor {
	return func(ctx context.Context, call *Call, next func(context.Context) error) error {
		if !call.Stream {
			return next(ctx)
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(server, func() { cancel(errStopping) })()
		err := next(ctx)
		if err != nil && errors.Is(context.Cause(ctx), errStopping) {
			return errStopping.Because(err)
		}
		return err
	}
}

var errStopping = errs.New(errs.Unavailable, "SERVER_STOPPING", "the server is stopping")
