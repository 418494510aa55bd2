// Package stamps follows the provisioner's stamps and outlives its absence:
// what was last seen stays, and the watch is taken up where it broke.
package stamps

import (
	"context"
	"log/slog"
	"path"
	"time"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/pkg/errs"
)

// Sink is told what there is. Its methods are called one at a time.
type Sink interface {
	// Put tells of a stamp, new or changed.
	Put(ctx context.Context, tenant string, s *provisionerv1.Stamp)
	// Remove tells that a stamp is gone.
	Remove(tenant string)
	// Keep tells that all has been listed: what is not among these is gone.
	Keep(tenants map[string]bool)
}

// Backoff between attempts to reach the provisioner.
const (
	firstPause    = 200 * time.Millisecond
	greatestPause = 5 * time.Second
)

// Follow feeds the sink until the context ends.
func Follow(ctx context.Context, client provisionerv1.StampServiceClient, sink Sink, log *slog.Logger) error {
	f := follower{client: client, sink: sink}
	pause := firstPause
	for {
		err := f.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if f.progressed {
			pause, f.progressed = firstPause, false
		}
		if errs.ReasonOf(err) == "REVISION_COMPACTED" {
			f.revision = 0
		} else {
			log.WarnContext(ctx, "stamps are not followed for now", "error", err, "retry_in", pause)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, greatestPause)
	}
}

type follower struct {
	client     provisionerv1.StampServiceClient
	sink       Sink
	revision   int64
	progressed bool
}

// once watches until the stream breaks.
func (f *follower) once(ctx context.Context) error {
	// The stream ends with this call; what the sink begins goes on.
	streaming, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := f.client.WatchStamps(streaming, &provisionerv1.WatchStampsRequest{AfterRevision: f.revision})
	if err != nil {
		return err
	}
	var listed map[string]bool
	if f.revision == 0 {
		listed = map[string]bool{}
	}
	for {
		event, err := stream.Recv()
		if err != nil {
			return err
		}
		f.progressed = true
		listed = f.take(ctx, event, listed)
	}
}

// take handles one event; listed collects what a first list holds, and is nil
// after it. The revision is taken up only after the list, so that a list that
// breaks is begun again.
func (f *follower) take(ctx context.Context, event *provisionerv1.WatchStampsResponse, listed map[string]bool) map[string]bool {
	switch event.GetType() {
	case provisionerv1.WatchStampsResponse_PUT:
		id := TenantOf(event.GetStamp().GetName())
		f.sink.Put(ctx, id, event.GetStamp())
		if listed != nil {
			listed[id] = true
		}
	case provisionerv1.WatchStampsResponse_REMOVED:
		f.sink.Remove(TenantOf(event.GetStamp().GetName()))
	case provisionerv1.WatchStampsResponse_SYNCED:
		if listed != nil {
			f.sink.Keep(listed)
		}
		listed = nil
	}
	if listed == nil && event.GetRevision() > 0 {
		f.revision = event.GetRevision()
	}
	return listed
}

// TenantOf gives the tenant's id of a stamp's name, "tenants/acme/stamp".
func TenantOf(name string) string { return path.Base(path.Dir(name)) }
