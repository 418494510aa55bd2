package engine

import (
	"cmp"
	"context"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/desired"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/render"
	"stampworks.dev/services/provisioner/internal/secrets"
	"stampworks.dev/services/provisioner/internal/trace"
)

// Config tunes an engine; the zero value is the default.
type Config struct {
	// Parallel is how many effects run at once in a cell, in all of its shards
	// together that this replica holds; default four a core, at least eight.
	Parallel int
	// Tenants is how many tenants are worked on at once in a shard; default 1024.
	Tenants int
	// Resync is how often a stamp at rest is observed; default 30 s, longer when
	// a shard has more than 1,500.
	Resync time.Duration
	// StaysUp is how long a component without a probe must run before it counts
	// as ready; default 200 ms.
	StaysUp time.Duration
	// Backoff replaces the wait after an attempt that failed, counted from 1;
	// for tests.
	Backoff func(attempt int32) time.Duration
	// BackupRetention is how long the backups of a purged tenant are kept; default
	// they go with it.
	BackupRetention time.Duration
	// SweepEvery is how often it is looked for those whose time is over; default
	// 1 h.
	SweepEvery time.Duration
	// Now replaces the clock of schedules and retention; for tests.
	Now func() time.Time
	// Telemetry is what long-running components are told.
	Telemetry render.Telemetry
}

func (c Config) withDefaults() Config {
	c.Parallel = cmp.Or(c.Parallel, max(4*runtime.GOMAXPROCS(0), 8))
	c.Tenants = cmp.Or(c.Tenants, 1024)
	c.Resync = cmp.Or(c.Resync, 30*time.Second)
	c.StaysUp = cmp.Or(c.StaysUp, 200*time.Millisecond)
	c.SweepEvery = cmp.Or(c.SweepEvery, time.Hour)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Backoff == nil {
		c.Backoff = backoff
	}
	return c
}

// Deps is what an engine works with.
type Deps struct {
	Store      *record.Store
	Placements *store.Cache[*pb.Placement]
	Operations *store.Cache[*pb.OperationRecord]
	View       *desired.View
	Recipes    Recipes
	Vault      *secrets.Vault
	Drivers    map[string]driver.Driver // by cell
	Prober     Prober
	Reporter   Reporter
	Tracer     *trace.Tracer
	Log        *slog.Logger
}

// Recipes gives the compiled blueprint of a revision, by its full name.
type Recipes interface {
	Get(ctx context.Context, revision string) (*blueprint.Recipe, error)
}

// Prober asks over the network; probes that are commands are run by drivers.
type Prober interface {
	// Ask gives the answer in a few words, or why it is not a good one.
	Ask(ctx context.Context, p blueprint.Probe) (string, error)
	// Answers takes anything below a server error for a good answer.
	Answers(ctx context.Context, url string) (string, error)
}

// Reporter tells the registry. The channel closes when it, or a later report
// of the tenant, was accepted or refused for good.
type Reporter interface {
	// Tell puts an entry into a tenant's timeline; the same again is fine.
	Tell(*registryv1.ReportEventRequest) <-chan struct{}
	// Report says how a tenant's stamp is.
	Report(tenant, uid string, st *registryv1.TenantStatus) <-chan struct{}
}

// Engine runs the shards whose claims this replica holds.
type Engine struct {
	Config
	Deps
	cells    map[string]*cell
	outlines sync.Map // of *outline, by revision: a revision never changes
}

// New makes an engine.
func New(cfg Config, deps Deps) *Engine {
	e := &Engine{Config: cfg.withDefaults(), Deps: deps, cells: map[string]*cell{}}
	for name := range deps.Drivers {
		e.cells[name] = &cell{room: semaphore.NewWeighted(int64(e.Parallel)), shards: map[*shard]bool{}}
	}
	return e
}
