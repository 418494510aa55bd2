// Package tenantregistry is the service that keeps what we want: tenants,
// blueprints, cells, sources and their deliveries. It is the one writer of its
// prefix in etcd; any number of replicas share it.
package tenantregistry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"stampworks.dev/pkg/lifecycle"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/admin"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/services/tenant-registry/internal/server"
)

// Name of the service, in certificates and telemetry.
const Name = "tenant-registry"

// Deps is what the service needs from its process. Either may be nil.
type Deps struct {
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry
}

// Service is one replica of the registry; it listens already.
type Service struct {
	log     *slog.Logger
	store   *etcd.Backend
	server  *rpc.Server
	admin   *admin.Server
	domains domains
}

// New listens, and connects to etcd without waiting for it: services start in
// any order. ctx ends what New started.
func New(ctx context.Context, cfg Config, deps Deps) (*Service, error) {
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Telemetry == nil {
		deps.Telemetry = telemetry.Discard()
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("check configuration: %w", err)
	}
	backend, err := etcd.New(ctx, cfg.Etcd, etcd.Deps{Log: deps.Log, Meter: deps.Telemetry.Meter()})
	if err != nil {
		return nil, err
	}
	s := &Service{log: deps.Log, store: backend}
	if err := s.listen(cfg, deps); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *Service) listen(cfg Config, deps Deps) (err error) {
	if s.domains, err = newDomains(cfg, deps, s.store); err != nil {
		return err
	}
	if s.server, err = rpc.NewServer(rpc.ServerConfig{Listen: cfg.GRPC.Listen, TLS: cfg.TLS}, rpc.ServerDeps{Log: deps.Log, Telemetry: deps.Telemetry, Service: Name}); err != nil {
		return err
	}
	server.Register(s.server.Registrar(), s.domains.Deps)
	s.admin, err = admin.New(cfg.Admin, admin.Deps{Log: deps.Log, Telemetry: deps.Telemetry, Ready: s.ready})
	return err
}

// Addr is where gRPC is served, with the real port.
func (s *Service) Addr() string { return s.server.Addr() }

// AdminAddr is where metrics and health are served.
func (s *Service) AdminAddr() string { return s.admin.Addr() }

// Run serves until ctx ends or a part fails.
func (s *Service) Run(ctx context.Context) error {
	defer s.close()
	group := lifecycle.NewGroup(s.log)
	group.Add("grpc", s.server.Serve)
	group.Add("admin", s.admin.Run)
	group.Add("etcd", s.store.Run)
	s.domains.addTo(group)
	return group.Run(ctx)
}

func (s *Service) close() {
	if s.server != nil {
		s.server.Close()
	}
	if s.admin != nil {
		_ = s.admin.Close() // closed already when it ran
	}
	if err := s.store.Close(); err != nil && !errors.Is(err, context.Canceled) {
		s.log.Debug("close store", "error", err)
	}
}

// ready asks etcd, and whether the caches are filled.
func (s *Service) ready(ctx context.Context) error {
	if err := s.store.Check(ctx); err != nil {
		return err
	}
	if !s.domains.Tenants.Ready() {
		return errors.New("tenants are not read yet")
	}
	return nil
}

// sweepEvery is how often what is past its retention is looked for.
const sweepEvery = time.Minute
