package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"stampworks.dev/pkg/telemetry"
)

// DefaultListen is a free port of loopback.
const DefaultListen = "127.0.0.1:0"

// stopWithin is how long running requests may go on after the end.
const stopWithin = 2 * time.Second

// Config is what an operator says.
type Config struct {
	// Listen is host:port, or unix: and the path of a socket that only its user
	// can enter; empty is DefaultListen.
	Listen string `yaml:"listen" help:"host:port, or unix: and a path" default:"127.0.0.1:0"`
}

// Deps is what the server needs from its process.
type Deps struct {
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry
	// Ready tells why the service cannot do its work; nil is always ready. It
	// gets ReadyTimeout.
	Ready func(ctx context.Context) error
}

// Server is the admin server; it listens already.
type Server struct {
	log      *slog.Logger
	listener net.Listener
	http     *http.Server
}

// New listens.
func New(cfg Config, deps Deps) (*Server, error) {
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Telemetry == nil {
		deps.Telemetry = telemetry.Discard()
	}
	if cfg.Listen == "" {
		cfg.Listen = DefaultListen
	}
	listener, err := listen(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for admin: %w", err)
	}
	return &Server{
		log:      deps.Log,
		listener: listener,
		http:     &http.Server{Handler: handler(deps), ReadHeaderTimeout: 5 * time.Second},
	}, nil
}

func listen(at string) (net.Listener, error) {
	path, isUnix := strings.CutPrefix(at, "unix:")
	if !isUnix {
		return net.Listen("tcp", at)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // what a crash left
		return nil, err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// Addr gives the address in use, with the real port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Handler gives what the server serves, to mount it elsewhere.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }()
	s.log.InfoContext(ctx, "serving admin", "address", s.Addr())
	select {
	case err := <-served:
		return fmt.Errorf("serve admin on %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if err := s.http.Shutdown(stopCtx); err != nil {
		_ = s.http.Close() // a profile or scrape that will not end is cut
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve admin on %s: %w", s.Addr(), err)
	}
	return nil
}

// Close ends a server that was never run.
func (s *Server) Close() error { return s.listener.Close() }
