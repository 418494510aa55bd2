package etcd

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

const (
	// checkEvery is how often Run asks etcd.
	checkEvery = 5 * time.Second
	// checkWithin is how long etcd may take to answer it.
	checkWithin = 3 * time.Second
)

// Check says that etcd answers, or which one does not.
func (b *Backend) Check(ctx context.Context) error {
	if _, err := b.Revision(ctx); err != nil {
		return fmt.Errorf("etcd at %s does not answer: %w", strings.Join(b.client.Endpoints(), ", "), err)
	}
	return nil
}

// Run tells the log when etcd cannot be reached, and when it can again, once
// each. Who needs etcd waits for it without a word.
func (b *Backend) Run(ctx context.Context) error {
	watchdog(ctx, b.Check, b.log)
	return nil
}

func watchdog(ctx context.Context, check func(context.Context) error, log *slog.Logger) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	away := false
	for {
		asking, cancel := context.WithTimeout(ctx, checkWithin)
		err := check(asking)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !away:
			log.WarnContext(ctx, "etcd cannot be reached; what needs it waits", "error", err)
		case err == nil && away:
			log.InfoContext(ctx, "etcd answers again")
		}
		away = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
