// Package gateway is the front door: REST for tools, /hooks for CRMs, and one
// page for people. It holds no state and is never on a customer's data path.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"

	"stampworks.dev/pkg/lifecycle"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/admin"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/services/gateway/internal/auth"
)

// Config is what operators write.
type Config struct {
	HTTP struct {
		// Listen is host:port for REST, hooks and the page. Default 127.0.0.1:8080.
		Listen string `yaml:"listen"`
		// OpenPage shows the fleet's page without a token to callers on this
		// machine. Default false.
		OpenPage bool `yaml:"open_page"`
	} `yaml:"http"`
	// Admin serves /metrics, /healthz, /readyz and /debug/pprof.
	Admin admin.Config `yaml:"admin"`
	// TLS proves this service to the others.
	TLS rpc.TLSConfig `yaml:"tls"`
	// Registry, Provisioner and Health are where the others are: host:port,
	// several with commas between.
	Registry    Target `yaml:"registry"`
	Provisioner Target `yaml:"provisioner"`
	Health      Target `yaml:"health"`
	// TokensFile holds a line for each API token: name, role, sha256 in hex.
	TokensFile string `yaml:"tokens_file"`
}

// Target is where a service is.
type Target struct {
	Target string `yaml:"target"`
}

// Default is a gateway on this machine.
func Default() Config {
	var c Config
	c.HTTP.Listen = "127.0.0.1:8080"
	return c
}

// Validate reports what is missing.
func (c Config) Validate() error {
	for name, value := range map[string]string{
		"registry.target": c.Registry.Target, "provisioner.target": c.Provisioner.Target,
		"health.target": c.Health.Target, "tokens_file": c.TokensFile, "http.listen": c.HTTP.Listen,
	} {
		if value == "" {
			return fmt.Errorf("check config: %s is not set", name)
		}
	}
	return c.TLS.Validate()
}

// Deps is what the process gives.
type Deps struct {
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry
}

// Service is a gateway that listens already.
type Service struct {
	log      *slog.Logger
	listener net.Listener
	http     *http.Server
	admin    *admin.Server
	conns    []*grpc.ClientConn
}

// New listens and prepares; the other services need not be there yet.
func New(ctx context.Context, cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	tokens, err := auth.Load(cfg.TokensFile, deps.Log)
	if err != nil {
		return nil, err
	}
	s := &Service{log: deps.Log}
	others, err := s.dial(cfg, deps)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	handler, err := newHandler(ctx, cfg, deps, others, tokens)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.http = &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(deps.Log.Handler(), slog.LevelDebug),
	}
	if s.listener, err = net.Listen("tcp", cfg.HTTP.Listen); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for http: %w", err), s.close())
	}
	s.admin, err = admin.New(cfg.Admin, admin.Deps{Log: deps.Log, Telemetry: deps.Telemetry, Ready: others.ready})
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// Addr is where REST is served, with the real port.
func (s *Service) Addr() string { return s.listener.Addr().String() }

// Run serves until the context ends.
func (s *Service) Run(ctx context.Context) error {
	group := lifecycle.NewGroup(s.log)
	group.Add("http", s.serve)
	group.Add("admin", s.admin.Run)
	return errors.Join(group.Run(ctx), s.close())
}

// drainWithin is how long running requests may go on after the end.
const drainWithin = 5 * time.Second

func (s *Service) serve(ctx context.Context) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	s.http.BaseContext = func(net.Listener) context.Context { return base }
	// Streams never end by themselves, so the end cuts them at once.
	s.http.RegisterOnShutdown(cut)
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }()
	s.log.InfoContext(ctx, "serving http", "address", s.Addr())
	select {
	case err := <-served:
		return fmt.Errorf("serve http on %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainWithin)
	defer cancel()
	if err := s.http.Shutdown(stop); err != nil {
		_ = s.http.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve http on %s: %w", s.Addr(), err)
	}
	return nil
}

func (s *Service) close() error {
	var all []error
	for _, c := range s.conns {
		all = append(all, c.Close())
	}
	return errors.Join(all...)
}
