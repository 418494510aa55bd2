package interceptor

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"stampworks.dev/pkg/telemetry"
)

// Log writes one line for each call: at debug when it went well or the caller
// was wrong, at warn when we were wrong or refused the caller, with the cause.
// Refusals are counted too. Nothing further in logs an error that it returns.
func Log(log *slog.Logger, refusals metric.Int64Counter) Interceptor {
	return func(ctx context.Context, call *Call, next func(context.Context) error) error {
		start := time.Now()
		who := &caller{}
		err := next(context.WithValue(ctx, callerKey{}, who))
		code := status.Code(err)
		level := levelOf(code)
		attrs := []slog.Attr{
			slog.String("method", call.Method), slog.String("code", code.String()), slog.Duration("took", time.Since(start)),
			slog.String("peer", who.peer), slog.String("principal", who.principal),
		}
		if err != nil {
			attrs = append(attrs, slog.String("reason", reasonOf(err)), slog.String("error", causeOf(err)))
		}
		if code == codes.PermissionDenied || code == codes.Unauthenticated {
			refusals.Add(ctx, 1, metric.WithAttributes(telemetry.RPC.String(call.Method), telemetry.Reason.String(reasonOf(err))))
		}
		log.LogAttrs(ctx, level, "call", attrs...)
		return err
	}
}

// levelOf: an operator is told of what the caller cannot mend, and of
// refusals; a wrong request is the caller's own business.
func levelOf(code codes.Code) slog.Level {
	switch code {
	case codes.Internal, codes.Unknown, codes.DataLoss, codes.Unavailable, codes.DeadlineExceeded,
		codes.PermissionDenied, codes.Unauthenticated:
		return slog.LevelWarn
	default:
		return slog.LevelDebug
	}
}

// causeOf gives the whole text, with what is hidden from the caller.
func causeOf(err error) string {
	var m *mapped
	if errors.As(err, &m) {
		return m.detail()
	}
	return err.Error()
}

// caller carries who called outwards, from Peer and Principal to Log.
type caller struct{ peer, principal string }

type callerKey struct{}

func callerOf(ctx context.Context) *caller {
	if c, ok := ctx.Value(callerKey{}).(*caller); ok {
		return c
	}
	return &caller{}
}
