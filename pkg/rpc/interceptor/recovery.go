package interceptor

import (
	"context"
	"log/slog"
	"runtime/debug"

	"go.opentelemetry.io/otel/metric"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/rpcerr"
	"stampworks.dev/pkg/telemetry"
)

// Recovery turns a panic of the handler, or of an interceptor further in,
// into an INTERNAL error that hides it, and logs it with its stack.
func Recovery(log *slog.Logger, panics metric.Int64Counter) Interceptor {
	return func(ctx context.Context, call *Call, next func(context.Context) error) (err error) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			log.ErrorContext(ctx, "handler panicked", "method", call.Method, "panic", p, "stack", string(debug.Stack()))
			panics.Add(ctx, 1, metric.WithAttributes(telemetry.RPC.String(call.Method)))
			err = rpcerr.ToStatus(errs.New(errs.Internal, "PANIC", rpcerr.HiddenMessage)).Err()
		}()
		return next(ctx)
	}
}
