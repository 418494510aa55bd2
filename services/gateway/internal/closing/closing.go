// Package closing ends what never ends by itself when the gateway closes:
// watches, logs that are followed, the live page. Everything else may finish.
package closing

import (
	"context"
	"errors"
	"time"

	"stampworks.dev/pkg/errs"
)

// Err is what a stream that is cut short tells its reader.
var Err = errs.New(errs.Unavailable, "GATEWAY_CLOSING", "the gateway is closing: connect again").After(time.Second)

type key struct{}

// With makes requests below ctx hear of the end of closing.
func With(ctx, closing context.Context) context.Context {
	return context.WithValue(ctx, key{}, closing)
}

// Until gives a context for the endless work of a request: it ends with ctx,
// or, with Err as its cause, when the gateway begins to close.
func Until(ctx context.Context) context.Context {
	closing, ok := ctx.Value(key{}).(context.Context)
	if !ok {
		return ctx
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(closing, func() { cancel(Err) })
	context.AfterFunc(ctx, func() { stop(); cancel(nil) })
	return ctx
}

// Began reports whether a context of Until ended because the gateway closes.
func Began(ctx context.Context) bool { return errors.Is(context.Cause(ctx), Err) }
