package monitor

import (
	"context"
	"log/slog"
	"slices"
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
	// Forget drops it; what is not there is no error.
	Forget(ctx context.Context, tenant string) error
	// Known lists the tenants of whom something is remembered.
	Known(ctx context.Context) ([]string, error)
	// Sign says that all that is known was written down at a time.
	Sign(ctx context.Context, at time.Time) error
}

// Monitor asks all stamps. It is safe for concurrent use, but for Put, Remove
// and Keep, which are called one at a time.
type Monitor struct {
	prober *probe.Prober
	states States
	limits debounce.Thresholds
	log    *slog.Logger
	wake   chan struct{} // there is something to write

	mu      sync.Mutex
	tenants map[string]*watched
	dirty   map[string]bool // to be written
	synced  bool
	closed  bool
	wg      sync.WaitGroup
}

// watched is a tenant with the watches that ask for it.
type watched struct {
	*tenant
	stop    context.CancelFunc
	targets []target
	begun   bool
}

// New makes a monitor that asks nothing until it is told of stamps.
func New(p *probe.Prober, s States, log *slog.Logger) *Monitor {
	return &Monitor{
		prober: p, states: s, limits: debounce.Default(), log: log,
		wake: make(chan struct{}, 1), tenants: map[string]*watched{}, dirty: map[string]bool{},
	}
}

// Put takes up a stamp, or its change. Watches go on when what they ask is
// the same; what is asked anew is unknown until it answers.
func (m *Monitor) Put(ctx context.Context, id string, s *provisionerv1.Stamp) {
	w := m.find(id)
	if w == nil || w.uid() != s.GetTenantUid() {
		w = m.take(ctx, id, s)
	}
	wanted := targets(s)
	if w.begun && slices.EqualFunc(w.targets, wanted, sameTarget) {
		w.adopt(s, func(string) bool { return true })
	} else {
		w.stop()
		w.adopt(s, func(check string) bool { return w.stands(check, wanted) })
		m.watch(ctx, w, wanted)
	}
	m.changed(id)
}

// stands reports whether what is held of a check still counts: it asks what it
// asked before, or was remembered from before a restart.
func (w *watched) stands(check string, wanted []target) bool {
	now := slices.IndexFunc(wanted, func(t target) bool { return t.name == check })
	before := slices.IndexFunc(w.targets, func(t target) bool { return t.name == check })
	return now >= 0 && (!w.begun || (before >= 0 && sameTarget(wanted[now], w.targets[before])))
}

func sameTarget(a, b target) bool { return a.name == b.name && proto.Equal(a.what, b.what) }

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

// watch begins to ask, unless the monitor has ended.
func (m *Monitor) watch(ctx context.Context, w *watched, wanted []target) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w.targets, w.begun = wanted, true
	if m.closed {
		return
	}
	ctx, w.stop = context.WithCancel(ctx)
	for _, tg := range wanted {
		m.wg.Go(func() { w.ask(ctx, tg) })
	}
}

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
	w := m.find(id)
	if w == nil {
		return nil
	}
	return w.health(time.Now())
}

// Stamp gives what is known of a tenant's stamp, or nil when it is not watched.
func (m *Monitor) Stamp(id string) *provisionerv1.Stamp {
	w := m.find(id)
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stamp
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

func (m *Monitor) find(id string) *watched {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tenants[id]
}

func (m *Monitor) ids() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := make([]string, 0, len(m.tenants))
	for id := range m.tenants {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// end stops all watches and waits for them; none begin after it.
func (m *Monitor) end() {
	m.mu.Lock()
	m.closed = true
	for _, w := range m.tenants {
		w.stop()
	}
	m.mu.Unlock()
	m.wg.Wait()
}
