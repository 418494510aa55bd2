// Package provisioner is the service that makes what is wished: it watches the
// registry's tenants, places each in a cell, and brings its stamp about there.
// It is the one writer of its prefix in etcd; replicas share the work by claims.
package provisioner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/lifecycle"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/admin"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/server"
)

// Name of the service, in certificates and telemetry.
const Name = "provisioner"

// Kind is a kind of cell.
type Kind struct {
	// Open makes the driver of the configured cell.
	Open func(ctx context.Context, cfg Config, log *slog.Logger) (driver.Driver, error)
	// Shards is how many parts a cell's tenants are divided into, among the
	// replicas that reach it: the same in all of them, for ever.
	Shards int
}

// Deps is what the service needs from its process. Log and Telemetry may be nil.
type Deps struct {
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry
	// Kinds of cells, by the name that the configuration uses.
	Kinds map[string]Kind
	// Drivers, when given, are the cells of this replica in place of the
	// configured one, by name; each has one shard.
	Drivers map[string]driver.Driver
}

// Service is one replica of the provisioner; it listens already.
type Service struct {
	log    *slog.Logger
	store  *etcd.Backend
	server *rpc.Server
	admin  *admin.Server
	claims *claim.Manager
	parts  *parts
}

// New listens, and prepares everything without waiting for etcd or the
// registry: services start in any order. ctx ends what New started.
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
	if err := os.MkdirAll(cfg.DataDir, 0o711); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	s := &Service{log: deps.Log}
	if err := s.build(ctx, cfg, deps); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *Service) build(ctx context.Context, cfg Config, deps Deps) (err error) {
	if s.store, err = etcd.New(ctx, cfg.Etcd, etcd.Deps{Log: deps.Log, Meter: deps.Telemetry.Meter()}); err != nil {
		return err
	}
	if s.server, err = rpc.NewServer(rpc.ServerConfig{Listen: cfg.GRPC.Listen, TLS: cfg.TLS}, rpc.ServerDeps{Log: deps.Log, Telemetry: deps.Telemetry, Service: Name}); err != nil {
		return err
	}
	if s.claims, err = newClaims(cfg, deps, s.store, s.server.Addr()); err != nil {
		return err
	}
	// The data directory is locked from here on: a second process on it has
	// failed above, before it touched the cell.
	if deps.Drivers, err = drivers(ctx, cfg, deps); err != nil {
		return err
	}
	if s.parts, err = newParts(cfg, deps, s.store, s.claims); err != nil {
		return err
	}
	server.Register(s.server.Registrar(), s.parts.server(deps))
	s.admin, err = admin.New(cfg.Admin, admin.Deps{Log: deps.Log, Telemetry: deps.Telemetry, Ready: s.ready})
	return err
}

// Addr is where gRPC is served, with the real port.
func (s *Service) Addr() string { return s.server.Addr() }

// AdminAddr is where metrics and health are served.
func (s *Service) AdminAddr() string { return s.admin.Addr() }

// Run serves and works until ctx ends or a part fails. Stamps go on running.
func (s *Service) Run(ctx context.Context) error {
	defer s.close()
	group := lifecycle.NewGroup(s.log)
	group.Add("grpc", s.server.Serve)
	group.Add("admin", s.admin.Run)
	group.Add("etcd", s.store.Run)
	s.parts.addTo(group)
	group.Add("claims", s.claims.Run)
	return group.Run(ctx)
}

func (s *Service) close() {
	if s.server != nil {
		s.server.Close()
	}
	if s.admin != nil {
		_ = s.admin.Close() // closed already when it ran
	}
	if s.claims != nil {
		_ = s.claims.Close() // the same
	}
	if s.parts != nil {
		s.parts.close()
	}
	if s.store != nil {
		if err := s.store.Close(); err != nil && !errors.Is(err, context.Canceled) {
			s.log.Debug("close store", "error", err)
		}
	}
}

// ready asks etcd, and whether the caches and the view are filled.
func (s *Service) ready(ctx context.Context) error {
	if err := s.store.Check(ctx); err != nil {
		return err
	}
	return s.parts.ready()
}
