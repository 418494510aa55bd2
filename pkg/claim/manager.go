package claim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.opentelemetry.io/otel/metric"

	"stampworks.dev/pkg/telemetry"
)

// Manager is one replica's part in the division of work.
type Manager struct {
	cfg    Config
	client *clientv3.Client
	log    *slog.Logger
	dir    *dataDir
	held   atomic.Int64 // claims whose function runs

	// Fixed once Run has begun.
	named  map[string]func(context.Context, Claim) error
	shards func(context.Context, Shard, Claim) error

	mu      sync.Mutex
	members []Member
}

// New locks the data directory. Register functions next, then Run, which unlocks
// it at its end; Close does when Run is never called.
func New(cfg Config, deps Deps) (*Manager, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	dir, err := openDataDir(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	log := deps.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	m := &Manager{
		cfg:    cfg,
		client: deps.Client,
		log:    log.With("replica", cfg.Replica),
		dir:    dir,
		named:  map[string]func(context.Context, Claim) error{},
	}
	if deps.Meter != nil {
		err = m.measure(deps.Meter)
	}
	if err != nil {
		return nil, errors.Join(err, dir.close())
	}
	return m, nil
}

// measure tells how many claims are held.
func (m *Manager) measure(meter metric.Meter) error {
	_, err := meter.Int64ObservableGauge(telemetry.MetricClaims, metric.WithUnit("{claim}"),
		metric.WithDescription("Claims that this replica holds and works under."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(m.held.Load())
			return nil
		}))
	if err != nil {
		return fmt.Errorf("create metric %q: %w", telemetry.MetricClaims, err)
	}
	return nil
}

// Hold registers a claim that one replica in all has. Its key is
// "claims/" + name. fn runs while this replica has it, with a context that ends
// when the claim is lost; when it returns earlier it is called again, after a
// growing wait. Call before Run.
func (m *Manager) Hold(name string, fn func(ctx context.Context, c Claim) error) {
	m.named[name] = fn
}

// HoldShards registers the function for the shards of Config.Cells, as Hold does.
// It runs once per shard that this replica has, at the same time.
func (m *Manager) HoldShards(fn func(ctx context.Context, s Shard, c Claim) error) {
	m.shards = fn
}

// Members says who is present, by name, as of the newest look at etcd.
func (m *Manager) Members() []Member {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.members)
}

func (m *Manager) setMembers(view []Member) {
	slices.SortFunc(view, func(a, b Member) int { return cmp.Compare(a.Replica, b.Replica) })
	m.mu.Lock()
	defer m.mu.Unlock()
	m.members = view
}

func (m *Manager) self() Member {
	me := Member{Replica: m.cfg.Replica, Address: m.cfg.Address, Names: slices.Sorted(maps.Keys(m.named))}
	if m.shards != nil {
		me.Cells = m.cfg.Cells
	}
	return me
}

// Close unlocks the data directory of a manager that was never run.
func (m *Manager) Close() error { return m.dir.close() }

// Run takes part until ctx ends, then gives everything back and returns nil.
// While etcd is away nothing is held; when it is back, all goes on.
func (m *Manager) Run(ctx context.Context) error {
	defer func() { _ = m.dir.close() }()
	previous, err := m.dir.lease()
	if err != nil {
		return err
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		l, err := m.open(ctx, previous)
		if err == nil {
			wait = 100 * time.Millisecond
			previous = l.id
			err = m.session(ctx, l)
		}
		if ctx.Err() != nil {
			m.giveBack(previous)
			return nil
		}
		m.log.WarnContext(ctx, "no lease, nothing is held", "retry_in", wait, "error", err)
		if !sleep(ctx, wait) {
			m.giveBack(previous)
			return nil
		}
	}
}

// sleep waits; false says that ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
