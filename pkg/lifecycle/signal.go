package lifecycle

import (
	"context"
	"os/signal"
	"syscall"
)

// SignalContext gives a context that ends at the first SIGINT or SIGTERM. From
// then on signals have their default effect again, so a second one ends the
// process at once. Call stop when the context is no longer needed.
func SignalContext() (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
