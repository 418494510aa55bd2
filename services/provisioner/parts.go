package provisioner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/lifecycle"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/secretbox"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/cells"
	"stampworks.dev/services/provisioner/internal/desired"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/peers"
	"stampworks.dev/services/provisioner/internal/placement"
	"stampworks.dev/services/provisioner/internal/probe"
	"stampworks.dev/services/provisioner/internal/queued"
	"stampworks.dev/services/provisioner/internal/recipes"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/render"
	"stampworks.dev/services/provisioner/internal/report"
	"stampworks.dev/services/provisioner/internal/secrets"
	"stampworks.dev/services/provisioner/internal/server"
	"stampworks.dev/services/provisioner/internal/trace"
)

// Bounds of tasks that talk with a person.
const (
	defaultTaskIdle   = 30 * time.Minute
	defaultTaskWithin = 8 * time.Hour
)

// parts are the domains of the service, wired.
type parts struct {
	cfg      Config
	log      *slog.Logger
	drivers  map[string]driver.Driver
	registry *grpc.ClientConn
	peers    *peers.Peers

	records    *record.Store
	stamps     *store.Cache[*pb.Stamp]
	operations *store.Cache[*pb.OperationRecord]
	placements *store.Cache[*pb.Placement]
	reports    *store.Cache[*pb.CellReport]

	view     *desired.View
	follower *desired.Follower
	shelf    *recipes.Shelf
	keys     *secretbox.Keys
	vault    *secrets.Vault
	reporter *report.Reporter
	cells    *cells.Lister
	engine   *engine.Engine
	placer   *placement.Placer
}

// drivers gives the cells that this replica reaches.
func drivers(ctx context.Context, cfg Config, deps Deps) (map[string]driver.Driver, error) {
	if deps.Drivers != nil || cfg.Cell.Name == "" {
		return deps.Drivers, nil
	}
	d, err := deps.Kinds[cfg.Cell.Driver].Open(ctx, cfg, deps.Log)
	if err != nil {
		return nil, fmt.Errorf("open cell %q: %w", cfg.Cell.Name, err)
	}
	return map[string]driver.Driver{cfg.Cell.Name: d}, nil
}

func newClaims(cfg Config, deps Deps, backend *etcd.Backend, addr string) (*claim.Manager, error) {
	shards := map[string]int{}
	for cell := range deps.Drivers {
		shards[cell] = 1
	}
	if deps.Drivers == nil && cfg.Cell.Name != "" {
		kind, ok := deps.Kinds[cfg.Cell.Driver]
		if !ok {
			return nil, fmt.Errorf("open cell %q: there is no driver %q", cfg.Cell.Name, cfg.Cell.Driver)
		}
		shards[cfg.Cell.Name] = kind.Shards
	}
	return claim.New(claim.Config{
		Prefix: cfg.Prefix, Replica: cmp.Or(cfg.Replica, cfg.Cell.Name, "provisioner"),
		Address: cmp.Or(cfg.Advertise, addr), Cells: shards, DataDir: cfg.DataDir,
	}, claim.Deps{Client: backend.Client(), Log: deps.Log, Meter: deps.Telemetry.Meter()})
}

func newParts(cfg Config, deps Deps, backend *etcd.Backend, claims *claim.Manager) (*parts, error) {
	tracer, err := trace.New(deps.Telemetry)
	if err != nil {
		return nil, err
	}
	tracer.Drivers = map[string]string{}
	for cell := range deps.Drivers {
		tracer.Drivers[cell] = cfg.Cell.Driver
	}
	p := &parts{cfg: cfg, log: deps.Log, drivers: deps.Drivers, records: record.New(backend, cfg.Prefix), view: desired.NewView()}
	if p.keys, err = secrets.OpenKeys(cfg.keyFile(), p.records.Secrets, deps.Log); err != nil {
		return nil, err
	}
	registry := rpc.ClientConfig{Target: cfg.Registry.Target, TLS: cfg.TLS, Server: "tenant-registry"}
	if p.registry, err = rpc.Dial(registry, rpc.ClientDeps{Log: deps.Log, Telemetry: deps.Telemetry, Service: Name}); err != nil {
		return nil, err
	}
	p.peers = peers.New(claims.Members, cfg.TLS, rpc.ClientDeps{Log: deps.Log, Telemetry: deps.Telemetry, Service: Name})
	p.stamps, p.operations = store.NewCache(p.records.Stamps), store.NewCache(p.records.Operations)
	p.placements, p.reports = store.NewCache(p.records.Placements), store.NewCache(p.records.Cells)
	p.follower = &desired.Follower{View: p.view, Tenants: registryv1.NewTenantServiceClient(p.registry), Log: deps.Log}
	p.shelf = recipes.NewShelf(registryv1.NewBlueprintServiceClient(p.registry))
	p.vault = &secrets.Vault{Box: p.keys, Sealed: p.records.Secrets}
	p.reporter = report.New(registryv1.NewReportServiceClient(p.registry), deps.Log)
	p.cells = &cells.Lister{Reports: p.reports, Registry: registryv1.NewCellServiceClient(p.registry), Members: claims.Members}
	p.work(cfg, tracer)
	claims.Hold("placement", p.placer.Run)
	if len(p.drivers) > 0 {
		claims.HoldShards(p.runShard)
	}
	return p, nil
}

// work makes what runs under claims.
func (p *parts) work(cfg Config, tracer *trace.Tracer) {
	p.engine = engine.New(
		engine.Config{
			Parallel: cfg.ParallelSteps, BackupRetention: cfg.BackupRetention, Telemetry: render.Telemetry{Endpoint: cfg.OTLPEndpoint},
		},
		engine.Deps{
			Store: p.records, Placements: p.placements, Operations: p.operations, View: p.view, Recipes: p.shelf,
			Vault: p.vault, Drivers: p.drivers, Prober: probe.Network{}, Reporter: p.reporter, Tracer: tracer, Log: p.log,
		})
	p.placer = &placement.Placer{
		Placements: p.records.Placements, Reports: p.reports, Operations: p.operations, Log: p.log,
		Source: queued.Source{View: p.view, Store: p.records, Recipes: p.shelf}, Cells: p.cells,
		Desk: queued.Desk{Store: p.records, Reporter: p.reporter}, Tracer: tracer,
	}
}

// runShard works on a shard while its claim is held; the first of a cell also
// publishes the cell.
func (p *parts) runShard(ctx context.Context, s claim.Shard, held claim.Claim) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.engine.RunShard(ctx, s, held) })
	if s.Index == 0 {
		publisher := &cells.Publisher{
			Cell: s.Cell, Region: p.cfg.Cell.Region, PublicAddress: p.cfg.Cell.PublicAddress, Kind: p.cfg.Cell.Driver,
			LooksFor: p.cfg.Cell.Programs, Driver: p.drivers[s.Cell], Reports: p.records.Cells, Placements: p.placements,
			Registry: registryv1.NewReportServiceClient(p.registry), Log: p.log,
		}
		g.Go(func() error { return publisher.Run(ctx, held) })
	}
	return g.Wait()
}

func (p *parts) server(deps Deps) server.Deps {
	return server.Deps{
		Store: p.records, Stamps: p.stamps, Operations: p.operations, Placements: p.placements, View: p.view, Vault: p.vault,
		Recipes: p.shelf, Engine: p.engine, Cells: p.cells, Tenants: registryv1.NewTenantServiceClient(p.registry),
		Blueprints: registryv1.NewBlueprintServiceClient(p.registry), Drivers: deps.Drivers, Peers: p.peers, Log: deps.Log,
		Timeline: p.reporter, TaskIdle: cmp.Or(p.cfg.TaskIdle, defaultTaskIdle), TaskWithin: cmp.Or(p.cfg.TaskWithin, defaultTaskWithin),
	}
}

func (p *parts) addTo(group *lifecycle.Group) {
	group.Add("stamps", p.stamps.Run)
	group.Add("operations", p.operations.Run)
	group.Add("placements", p.placements.Run)
	group.Add("cells", p.reports.Run)
	group.Add("tenants", p.follower.Run)
	group.Add("reports", p.reporter.Run)
	group.Add("keys", p.keys.Run)
	for name, d := range p.drivers {
		if k, ok := d.(keeper); ok {
			group.Add("cell "+name, k.Run)
		}
	}
}

// keeper is a driver that looks after its cell all the time, claim or not: the
// local one replaces supervisors that died.
type keeper interface {
	Run(ctx context.Context) error
}

func (p *parts) ready() error {
	switch {
	case !p.stamps.Synced() || !p.operations.Synced() || !p.placements.Synced():
		return errors.New("stamps are not read yet")
	case !p.view.Synced():
		return errors.New("tenants are not heard of yet")
	}
	return nil
}

func (p *parts) close() {
	_ = p.registry.Close()
	p.peers.Close()
}
