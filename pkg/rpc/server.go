package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"stampworks.dev/pkg/rpc/interceptor"
	"stampworks.dev/pkg/telemetry"
)

// MaxMessage is the largest message either side accepts, in bytes.
const MaxMessage = 4 << 20

// StopWithin is how long running calls may go on after a server was told to
// stop. It is below lifecycle.StopWithin, which waits for the server.
const StopWithin = 5 * time.Second

// ServerConfig is what an operator says about a server.
type ServerConfig struct {
	// Listen is host:port; port 0 takes a free one.
	Listen string `yaml:"listen"`
	// TLS must be given unless Listen is a loopback address.
	TLS TLSConfig `yaml:"tls"`
}

// Validate reports what is wrong before anything listens.
func (c ServerConfig) Validate() error {
	if _, _, err := net.SplitHostPort(c.Listen); c.Listen != "" && err != nil {
		return fmt.Errorf("parse listen %q: %w", c.Listen, err)
	}
	return c.TLS.Validate()
}

// ServerDeps is what a server needs from its process. Log and Telemetry may
// be nil: then nothing is reported.
type ServerDeps struct {
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry
	// Service is the server's own name, for the log.
	Service string
	// Validator checks requests; nil makes one.
	Validator protovalidate.Validator
	// StopWithin replaces the default when it is above zero.
	StopWithin time.Duration
	// TestIdentity lets callers without TLS name themselves, as
	// ClientDeps.Service does for them. For tests: on a shared machine anybody
	// could do that.
	TestIdentity bool
}

// Server is a gRPC server that listens already.
type Server struct {
	log        *slog.Logger
	listener   net.Listener
	grpc       *grpc.Server
	health     *health.Server
	stopping   context.CancelFunc // ends the streams
	stopWithin time.Duration
}

// NewServer listens and prepares a server with health and reflection. Register
// services, then call Serve; a server that is never served is closed by Close.
func NewServer(cfg ServerConfig, deps ServerDeps) (_ *Server, err error) {
	deps = deps.withDefaults()
	if cfg.Listen == "" {
		return nil, errors.New("listen for grpc: listen is required")
	}
	streams, stopping := context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			stopping()
		}
	}()
	opts, err := serverOptions(streams, cfg, deps)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for grpc: %w", err)
	}
	if !cfg.TLS.Enabled() && !onLoopback(listener.Addr()) {
		_ = listener.Close()
		return nil, fmt.Errorf("listen for grpc: %s is not a loopback address, so tls must be configured", cfg.Listen)
	}
	s := &Server{log: deps.Log, listener: listener, grpc: grpc.NewServer(opts...), health: health.NewServer(), stopping: stopping, stopWithin: deps.StopWithin}
	s.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	healthpb.RegisterHealthServer(s.grpc, s.health)
	reflection.Register(s.grpc)
	return s, nil
}

// Registrar takes the services; only before Serve.
func (s *Server) Registrar() grpc.ServiceRegistrar { return s.grpc }

// Addr gives the address in use, with the real port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

func (d ServerDeps) withDefaults() ServerDeps {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Telemetry == nil {
		d.Telemetry = telemetry.Discard()
	}
	if d.StopWithin <= 0 {
		d.StopWithin = StopWithin
	}
	return d
}

func serverOptions(streams context.Context, cfg ServerConfig, deps ServerDeps) ([]grpc.ServerOption, error) {
	validator := deps.Validator
	if validator == nil {
		var err error
		if validator, err = protovalidate.New(); err != nil {
			return nil, fmt.Errorf("create validator: %w", err)
		}
	}
	chain, err := interceptor.Chain(interceptor.Deps{
		Log: deps.Log, Meter: deps.Telemetry.Meter(), Validator: validator, TestIdentity: deps.TestIdentity, Server: streams,
	})
	if err != nil {
		return nil, err
	}
	opts := append(interceptor.ServerOptions(chain),
		grpc.StatsHandler(serverStats(deps.Telemetry)),
		grpc.MaxRecvMsgSize(MaxMessage),
		grpc.MaxSendMsgSize(MaxMessage),
		grpc.ConnectionTimeout(20*time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	)
	if cfg.TLS.Enabled() {
		tlsConfig, err := serverTLS(cfg.TLS, deps.Log)
		if err != nil {
			return nil, err
		}
		opts = append(opts, grpc.Creds(credentials.NewTLS(tlsConfig)))
	}
	return opts, nil
}
