package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"stampworks.dev/services/gateway/internal/closing"
)

// drainWithin is how long running requests may go on after the end.
const drainWithin = 5 * time.Second

// newServer bounds how long a caller may take to ask, and to write when no
// answer has begun; package edge bounds answers, piece by piece.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute,
		WriteTimeout: defaultPatience, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// serve answers until the context ends. Then streams are told to end, and what
// answers once may finish: a deal that has just come is still stored.
func (s *Service) serve(ctx context.Context) error {
	soon, begin := context.WithCancel(context.WithoutCancel(ctx))
	defer begin()
	s.http.BaseContext = func(net.Listener) context.Context {
		return closing.With(context.WithoutCancel(ctx), soon)
	}
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }() // ends with Shutdown or Close below
	s.log.InfoContext(ctx, "serving http", "address", s.Addr())
	select {
	case err := <-served:
		return fmt.Errorf("serve http on %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	begin()
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainWithin)
	defer cancel()
	if err := s.http.Shutdown(limit); err != nil {
		s.log.WarnContext(ctx, "requests are cut at the stop deadline", "deadline", drainWithin)
		_ = s.http.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve http on %s: %w", s.Addr(), err)
	}
	return nil
}
