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
		Listen string `yaml:"listen" help:"host:port of REST, hooks and the page"`
		// OpenPage shows the fleet's page without a token to callers on this
		// machine. Default false.
		OpenPage bool `yaml:"open_page" help:"show the page without a token to callers on this machine"`
		// Patience is how long a caller may take to read a piece of 64 KiB of an
		// answer, streams included. Default 30s.
		Patience time.Duration `yaml:"patience" help:"how long a caller may take to read 64 KiB of an answer"`
	} `yaml:"http"`
	// Admin serves /metrics, /healthz, /readyz and /debug/pprof.
	Admin admin.Config `yaml:"admin" help:"where metrics and health are served"`
	// TLS proves this service to the others.
	TLS rpc.TLSConfig `yaml:"tls" help:"proof of this service"`
	// Registry, Provisioner and Health are where the others are: host:port,
	// several with commas between.
	Registry    Target `yaml:"registry" help:"the tenant registry"`
	Provisioner Target `yaml:"provisioner" help:"the provisioner"`
	Health      Target `yaml:"health" help:"the health service"`
	// TokensFile holds a line for each API token: name, role, sha256 in hex.
	TokensFile string `yaml:"tokens_file" help:"file with a line for each API token: name, role, sha256 in hex"`
}

// Target is where a service is.
type Target struct {
	Target string `yaml:"target" help:"host:port, several with commas between"`
}

// Default is a gateway on this machine.
func Default() Config {
	var c Config
	c.HTTP.Listen, c.HTTP.Patience = "127.0.0.1:8080", defaultPatience
	return c
}

// defaultPatience is kept by configurations that do not know of patience.
const defaultPatience = 30 * time.Second

func (c Config) patience() time.Duration {
	if c.HTTP.Patience <= 0 {
		return defaultPatience
	}
	return c.HTTP.Patience
}

// Validate reports everything that is missing.
func (c Config) Validate() error {
	var missing []error
	for _, one := range []struct{ name, value string }{
		{"http.listen", c.HTTP.Listen}, {"registry.target", c.Registry.Target}, {"provisioner.target", c.Provisioner.Target},
		{"health.target", c.Health.Target}, {"tokens_file", c.TokensFile},
	} {
		if one.value == "" {
			missing = append(missing, fmt.Errorf("%s is not set", one.name))
		}
	}
	return errors.Join(append(missing, c.TLS.Validate())...)
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
	others   *services
}

// New listens and prepares; the other services need not be there yet.
func New(ctx context.Context, cfg Config, deps Deps) (_ *Service, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("check config: %w", err)
	}
	tokens, err := auth.Load(cfg.TokensFile, deps.Log)
	if err != nil {
		return nil, err
	}
	s := &Service{log: deps.Log}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.others, err = dial(cfg, deps); err != nil {
		return nil, err
	}
	handler, err := newHandler(ctx, cfg, deps, s.others, tokens)
	if err != nil {
		return nil, err
	}
	s.http = newServer(handler, deps.Log)
	if s.listener, err = net.Listen("tcp", cfg.HTTP.Listen); err != nil {
		return nil, fmt.Errorf("listen for http: %w", err)
	}
	s.admin, err = admin.New(cfg.Admin, admin.Deps{Log: deps.Log, Telemetry: deps.Telemetry, Ready: s.ready})
	return s, err
}

// Addr is where REST is served, with the real port.
func (s *Service) Addr() string { return s.listener.Addr().String() }

// Run serves until the context ends.
func (s *Service) Run(ctx context.Context) error {
	defer s.close()
	group := lifecycle.NewGroup(s.log)
	group.Add("http", s.serve)
	group.Add("admin", s.admin.Run)
	return group.Run(ctx)
}

func (s *Service) ready(ctx context.Context) error {
	_, err := s.others.ready(ctx)
	return err
}

func (s *Service) close() {
	if s.listener != nil {
		_ = s.listener.Close()
	}
	if s.others != nil {
		s.others.close()
	}
}
