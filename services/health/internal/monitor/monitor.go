package monitor

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/services/health/internal/debounce"
	"stampworks.dev/services/health/internal/probe"
)

// States remembers what is held to be so.
type States interface {
	// Load gives what was remembered of a tenant, or nil.
	Load(ctx context.Context, tenant, uid string) (*healthv1.TenantHealth, error)
	// Save remembers it.
	Save(ctx context.Context, tenant, uid string, h *healthv1.TenantHealth) error
	// Forget drops it.
	Forget(ctx context.Context, tenant string) error
}

// signOfLife is how often an unchanged state is written all the same, so that
// replicas that do not ask can tell that somebody does.
const signOfLife = 20 * time.Second

// Monitor asks all stamps. It is safe for concurrent use.
type Monitor struct {
	prober *probe.Prober
	states States
	limits debounce.Thresholds
	log    *slog.Logger
	dirty  chan string

	mu      sync.Mutex
	tenants map[string]*watched
	synced  bool
	wg      sync.WaitGroup
}

// watched is a tenant with the watches that ask for it.
type watched struct {
	*tenant
	stop    context.CancelFunc
	targets []target
}

// New makes a monitor that asks nothing until it is told of stamps.
func New(p *probe.Prober, s States, log *slog.Logger) *Monitor {
	return &Monitor{
		prober: p, states: s, limits: debounce.Default(), log: log,
		dirty: make(chan string, 1024), tenants: map[string]*watched{},
	}
}

// Run writes transitions down until the context ends, then ends all watches.
func (m *Monitor) Run(ctx context.Context) error {
	tick := time.NewTicker(signOfLife)
	defer tick.Stop()
	defer m.stopAll()
	for {
		select {
		case <-ctx.Done():
			return nil
		case id := <-m.dirty:
			m.save(ctx, id)
		case <-tick.C:
			for _, id := range m.ids() {
				m.save(ctx, id)
			}
		}
	}
}

// Put takes up a stamp, or its change. Watches go on when what they ask is
// the same.
func (m *Monitor) Put(ctx context.Context, id string, s *provisionerv1.Stamp) {
	m.mu.Lock()
	w, known := m.tenants[id]
	m.mu.Unlock()
	if !known || w.uid() != s.GetTenantUid() {
		w = m.take(ctx, id, s)
	}
	w.mu.Lock()
	w.stamp = s
	w.mu.Unlock()
	if wanted := targets(s); !slices.EqualFunc(w.targets, wanted, sameTarget) {
		m.restart(ctx, w, wanted)
	}
	m.changed(id)
}

// take begins to keep a tenant, with what is remembered of it.
func (m *Monitor) take(ctx context.Context, id string, s *provisionerv1.Stamp) *watched {
	m.Remove(id)
	t := &tenant{
		id: id, prober: m.prober, limits: m.limits, changed: m.changed,
		stamp: s, checks: map[string]*debounce.Check{}, since: time.Now(),
	}
	h, err := m.states.Load(ctx, id, s.GetTenantUid())
	switch {
	case err != nil:
		m.log.WarnContext(ctx, "health begins anew: what was remembered cannot be read", "tenant", id, "error", err)
	case h != nil:
		t.restore(h)
	}
	w := &watched{tenant: t, stop: func() {}}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tenants[id] = w
	return w
}

// restart replaces the watches of a tenant.
func (m *Monitor) restart(ctx context.Context, w *watched, wanted []target) {
	w.stop()
	ctx, w.stop = context.WithCancel(ctx)
	w.targets = wanted
	for _, tg := range wanted {
		m.wg.Go(func() { w.watch(ctx, tg) })
	}
}

func sameTarget(a, b target) bool { return a.name == b.name && proto.Equal(a.what, b.what) }

// Remove ends the watches of a tenant that is gone.
func (m *Monitor) Remove(id string) {
	m.mu.Lock()
	w, known := m.tenants[id]
	delete(m.tenants, id)
	m.mu.Unlock()
	if known {
		w.stop()
		m.changed(id)
	}
}

// Keep drops every tenant that is not listed.
func (m *Monitor) Keep(listed map[string]bool) {
	for _, id := range m.ids() {
		if !listed[id] {
			m.Remove(id)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.synced = true
}

// Synced reports whether all stamps have been listed once.
func (m *Monitor) Synced() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.synced
}

// Health gives one tenant's health as of now, or nil when it is not watched.
func (m *Monitor) Health(id string) *healthv1.TenantHealth {
	m.mu.Lock()
	w, known := m.tenants[id]
	m.mu.Unlock()
	if !known {
		return nil
	}
	return w.health(time.Now())
}

// All gives every tenant's health, by id.
func (m *Monitor) All() []*healthv1.TenantHealth {
	var all []*healthv1.TenantHealth
	for _, id := range m.ids() {
		if h := m.Health(id); h != nil {
			all = append(all, h)
		}
	}
	return all
}

func (m *Monitor) ids() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := make([]string, 0, len(m.tenants))
	for id := range m.tenants {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, strings.Compare)
	return ids
}

// changed asks for a save. When the queue is full the next sign of life will
// do, so a watch never waits for etcd.
func (m *Monitor) changed(id string) {
	select {
	case m.dirty <- id:
	default:
	}
}

func (m *Monitor) save(ctx context.Context, id string) {
	m.mu.Lock()
	w, known := m.tenants[id]
	m.mu.Unlock()
	var err error
	if known {
		err = m.states.Save(ctx, id, w.uid(), w.health(time.Now()))
	} else {
		err = m.states.Forget(ctx, id)
	}
	if err != nil && ctx.Err() == nil {
		m.log.WarnContext(ctx, "health is not remembered for now", "tenant", id, "error", err)
	}
}

func (m *Monitor) stopAll() {
	for _, id := range m.ids() {
		m.mu.Lock()
		m.tenants[id].stop()
		m.mu.Unlock()
	}
	m.wg.Wait()
}

func (t *tenant) uid() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stamp.GetTenantUid()
}
