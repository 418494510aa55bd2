package desired

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/internal/record"
)

const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// Follower fills a view from the registry.
type Follower struct {
	View    *View
	Tenants registryv1.TenantServiceClient
	Log     *slog.Logger

	after int64 // resume after this revision
}

// Run follows until ctx ends.
func (f *Follower) Run(ctx context.Context) error {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		began := f.after
		err := f.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errs.ReasonOf(err) == "REVISION_COMPACTED" || errs.ReasonOf(err) == "LIST_AGAIN" {
			f.after = 0
		}
		if f.after > began {
			wait = firstRetry
		}
		f.Log.WarnContext(ctx, "watch of tenants ended, going on", "after_revision", f.after, "wait", wait, "error", err)
		timer := time.NewTimer(wait/2 + rand.N(wait/2))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// follow reads one stream to its end.
func (f *Follower) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := f.Tenants.WatchTenants(ctx, &registryv1.WatchTenantsRequest{AfterRevision: f.after})
	if err != nil {
		return fmt.Errorf("watch tenants: %w", err)
	}
	listing := f.after == 0
	for {
		ev, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return errors.New("watch tenants: the registry ended the stream")
		}
		if err != nil {
			return fmt.Errorf("watch tenants: %w", err)
		}
		switch ev.GetType() {
		case registryv1.WatchTenantsResponse_PUT:
			f.View.put(ev.GetTenant())
		case registryv1.WatchTenantsResponse_REMOVED:
			f.View.remove(record.TenantID(ev.GetTenant().GetName()))
		case registryv1.WatchTenantsResponse_SYNCED:
			f.View.setSynced()
			listing = false
		}
		// A list that is cut short is begun again: only what follows a whole
		// one can be resumed.
		if !listing {
			f.after = max(f.after, ev.GetRevision())
		}
	}
}
