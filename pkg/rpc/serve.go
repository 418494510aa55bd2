package rpc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// Serve answers calls until ctx ends, then stops in order: health says
// NOT_SERVING, no new calls, streams have their context ended, unary calls go
// on to their end, and what still runs at the stop deadline is cut. The end of
// ctx is no error. Serve once.
func (s *Server) Serve(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.grpc.Serve(s.listener) }()
	s.health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
	s.log.InfoContext(ctx, "serving grpc", "address", s.Addr())
	select {
	case err := <-served:
		s.health.Shutdown()
		return fmt.Errorf("serve grpc on %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	s.stop()
	// One that is stopped before it has begun says so.
	if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve grpc on %s: %w", s.Addr(), err)
	}
	return nil
}

// Close ends a server that was never served.
func (s *Server) Close() {
	s.health.Shutdown()
	s.stopping()
	s.grpc.Stop()
	_ = s.listener.Close()
}

func (s *Server) stop() {
	s.health.Shutdown()
	s.stopping()
	drained := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(drained)
	}()
	timer := time.NewTimer(s.stopWithin)
	defer timer.Stop()
	select {
	case <-drained:
	case <-timer.C:
		s.log.Warn("calls are cut at the stop deadline", "address", s.Addr(), "deadline", s.stopWithin)
		s.grpc.Stop()
		<-drained
	}
}
