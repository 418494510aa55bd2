package server

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// slowAfter is how long one event may wait for its receiver.
const slowAfter = 30 * time.Second

var errSlow = errs.New(errs.ResourceExhausted, "WATCH_TOO_SLOW", "the watch was not read for %s: begin again from the last revision", slowAfter)

// WatchTenants implements TenantService. A receiver that does not read is
// dropped: the sender, stuck in the transport until then, ends with the stream.
func (s *tenants) WatchTenants(req *registryv1.WatchTenantsRequest, stream grpc.ServerStreamingServer[registryv1.WatchTenantsResponse]) error {
	sender, ctx := errgroup.WithContext(stream.Context())
	events := make(chan *registryv1.WatchTenantsResponse)
	sender.Go(func() error {
		for msg := range events {
			if err := stream.Send(msg); err != nil {
				return err
			}
		}
		return nil
	})
	defer close(events)
	return s.tenants.Watch(ctx, req.GetAfterRevision(), func(msg *registryv1.WatchTenantsResponse) error {
		return handOver(ctx, events, msg, slowAfter)
	})
}

// handOver gives an event to the sender, or gives up.
func handOver(ctx context.Context, events chan<- *registryv1.WatchTenantsResponse, msg *registryv1.WatchTenantsResponse, patience time.Duration) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case events <- msg:
		return nil
	case <-timer.C:
		return errSlow
	case <-ctx.Done():
		return ctx.Err()
	}
}
