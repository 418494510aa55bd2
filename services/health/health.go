// Package health tells which customers are served now. It asks every
// component and every customer's address, and believes three bad answers in a
// row, not one.
package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"google.golang.org/grpc"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/lifecycle"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/admin"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/services/health/internal/memory"
	"stampworks.dev/services/health/internal/replica"
	"stampworks.dev/services/health/internal/server"
)

// Config is what operators write.
type Config struct {
	// GRPC is where this service is served. Default 127.0.0.1:9003.
	GRPC struct {
		Listen string `yaml:"listen" help:"host:port"`
	} `yaml:"grpc" help:"where gRPC is served"`
	// Admin serves /metrics, /healthz, /readyz and /debug/pprof.
	Admin admin.Config `yaml:"admin" help:"where metrics and health are served"`
	// TLS proves this service to the others.
	TLS rpc.TLSConfig `yaml:"tls" help:"proof of this service"`
	// Etcd keeps what is held to be so.
	Etcd etcd.Config `yaml:"etcd" help:"the etcd cluster"`
	// Prefix of this service's keys. Default /stampworks/health/.
	Prefix string `yaml:"prefix" help:"prefix of all keys in etcd"`
	// Provisioner is where stamps are learned from: host:port, several with
	// commas between.
	Provisioner struct {
		Target string `yaml:"target" help:"host:port, several with commas between"`
	} `yaml:"provisioner" help:"the provisioner, of whose stamps it learns"`
	// Cell is the cell that this replica reaches, and whose stamps it asks. The
	// others' it knows from the replicas that reach theirs.
	Cell struct {
		// Name is the cell's id. Default local; empty: this replica reaches none.
		Name string `yaml:"name" help:"id of the cell whose stamps this replica asks"`
		// Driver is the kind of the cell, as the provisioner has it. Default local.
		Driver string `yaml:"driver" help:"kind of the cell"`
	} `yaml:"cell"`
	// Metrics are at /metrics of the admin port.
	Metrics struct {
		// HideTenants leaves out those that have a customer's name on them.
		HideTenants bool `yaml:"hide_tenants" help:"leave customers' names out of /metrics"`
	} `yaml:"metrics" help:"what /metrics tells"`
	// Replica names this replica. Default the host's name.
	Replica string `yaml:"replica" help:"name of this replica, the same after a restart"`
	// DataDir keeps the replica's lock and lease.
	DataDir string `yaml:"data_dir" help:"directory of this replica"`
}

// shards says how many parts the tenants of a cell are divided into, by the
// cell's kind: a host alone reaches itself, a cluster has many that reach it.
var shards = map[string]int{"local": 1, "kubernetes": 16}

// Default is a health service on this machine.
func Default() Config {
	var c Config
	c.GRPC.Listen = "127.0.0.1:9003"
	c.Prefix = "/stampworks/health/"
	c.Cell.Name, c.Cell.Driver = "local", "local"
	c.Replica, _ = os.Hostname()
	return c
}

// Validate reports everything that is missing.
func (c Config) Validate() error {
	var wrong []error
	if len(c.Etcd.Endpoints) == 0 {
		wrong = append(wrong, errors.New("etcd.endpoints is not set"))
	}
	for _, one := range []struct{ name, value string }{
		{"provisioner.target", c.Provisioner.Target}, {"prefix", c.Prefix}, {"replica", c.Replica}, {"data_dir", c.DataDir},
	} {
		if one.value == "" {
			wrong = append(wrong, fmt.Errorf("%s is not set", one.name))
		}
	}
	if c.Cell.Name != "" && shards[c.Cell.Driver] == 0 {
		wrong = append(wrong, fmt.Errorf("cell.driver %q is no kind of cell", c.Cell.Driver))
	}
	return errors.Join(append(wrong, c.TLS.Validate())...)
}

// Deps is what the process gives.
type Deps struct {
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry
}

// Service is a health service that listens already.
type Service struct {
	log         *slog.Logger
	backend     *etcd.Backend
	provisioner *grpc.ClientConn
	claims      *claim.Manager
	records     *store.Cache[*healthv1.StateRecord]
	replica     *replica.Replica
	server      *rpc.Server
	admin       *admin.Server
}

// New listens and prepares; etcd and the provisioner need not be there yet.
func New(ctx context.Context, cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("check config: %w", err)
	}
	s := &Service{log: deps.Log}
	if err := s.connect(ctx, cfg, deps); err != nil {
		return nil, errors.Join(err, s.close())
	}
	remembered := memory.Open(s.backend, cfg.Prefix)
	s.records = store.NewCache(remembered.States)
	s.replica = replica.New(replica.Deps{
		Memory: remembered, Cache: s.records, Stamps: provisionerv1.NewStampServiceClient(s.provisioner), Members: s.claims.Members,
		Telemetry: deps.Telemetry, HideTenants: cfg.Metrics.HideTenants, Log: deps.Log,
	})
	s.claims.HoldShards(s.replica.Hold)
	if err := s.listen(cfg, deps); err != nil {
		if s.server != nil {
			s.server.Close()
		}
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// connect prepares what this service calls.
func (s *Service) connect(ctx context.Context, cfg Config, deps Deps) (err error) {
	if s.backend, err = etcd.New(ctx, cfg.Etcd, etcd.Deps{Log: deps.Log, Meter: deps.Telemetry.Meter()}); err != nil {
		return err
	}
	s.provisioner, err = rpc.Dial(
		rpc.ClientConfig{Target: cfg.Provisioner.Target, TLS: cfg.TLS, Server: "provisioner"},
		rpc.ClientDeps{Log: deps.Log, Telemetry: deps.Telemetry, Service: "health"},
	)
	if err != nil {
		return err
	}
	reaches := map[string]int{}
	if cfg.Cell.Name != "" {
		reaches[cfg.Cell.Name] = shards[cfg.Cell.Driver]
	}
	s.claims, err = claim.New(
		claim.Config{Prefix: cfg.Prefix, Replica: cfg.Replica, Address: cfg.GRPC.Listen, Cells: reaches, DataDir: cfg.DataDir},
		claim.Deps{Client: s.backend.Client(), Log: deps.Log, Meter: deps.Telemetry.Meter()},
	)
	return err
}

// listen opens this service's ports.
func (s *Service) listen(cfg Config, deps Deps) (err error) {
	s.server, err = rpc.NewServer(
		rpc.ServerConfig{Listen: cfg.GRPC.Listen, TLS: cfg.TLS},
		rpc.ServerDeps{Log: deps.Log, Telemetry: deps.Telemetry, Service: "health"},
	)
	if err != nil {
		return err
	}
	healthv1.RegisterHealthServiceServer(s.server.Registrar(), server.New(s.replica))
	s.admin, err = admin.New(cfg.Admin, admin.Deps{Log: deps.Log, Telemetry: deps.Telemetry, Ready: s.ready})
	return err
}

// ready when etcd answers.
func (s *Service) ready(ctx context.Context) error { return s.backend.Check(ctx) }

// Addr is where gRPC is served, with the real port.
func (s *Service) Addr() string { return s.server.Addr() }

// Run serves until the context ends.
func (s *Service) Run(ctx context.Context) error {
	group := lifecycle.NewGroup(s.log)
	group.Add("grpc", s.server.Serve)
	group.Add("admin", s.admin.Run)
	group.Add("etcd", s.backend.Run)
	group.Add("records", s.records.Run)
	group.Add("stamps", s.replica.Run)
	group.Add("claims", s.claims.Run)
	return errors.Join(group.Run(ctx), s.close())
}

func (s *Service) close() error {
	var all []error
	if s.provisioner != nil {
		all = append(all, s.provisioner.Close())
	}
	if s.backend != nil {
		all = append(all, s.backend.Close())
	}
	return errors.Join(all...)
}
