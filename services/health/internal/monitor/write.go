package monitor

import (
	"context"
	"fmt"
	"strings"
	"time"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
)

// signEvery is how often it is written that somebody asks. What changes without
// any answer, as health does when none comes, is looked for as often.
const signEvery = 10 * time.Second

// Run writes changes down until the context ends, then ends all watches.
func (m *Monitor) Run(ctx context.Context) error {
	defer m.end()
	w := writer{m: m, saved: map[string]string{}}
	tick := time.NewTicker(signEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.wake:
			w.flush(ctx)
		case <-tick.C:
			w.look(ctx)
		}
	}
}

// changed asks for a tenant to be written. It never waits for etcd.
func (m *Monitor) changed(id string) {
	m.mu.Lock()
	m.dirty[id] = true
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// takeDirty gives what is to be written, once.
func (m *Monitor) takeDirty() map[string]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	dirty := m.dirty
	m.dirty = map[string]bool{}
	return dirty
}

// writer keeps etcd small: a tenant is written when what people would read of
// it changed, and the sign of life is one for all.
type writer struct {
	m     *Monitor
	saved map[string]string // what was written, by tenant
	swept bool
}

// look writes all that changed without anybody's asking, and, when that went
// well, that it did.
func (w *writer) look(ctx context.Context) {
	for _, id := range w.m.ids() {
		w.m.changed(id)
	}
	if !w.flush(ctx) || !w.m.Synced() || !w.sweep(ctx) {
		return
	}
	if err := w.m.states.Sign(ctx, time.Now()); err != nil && ctx.Err() == nil {
		w.m.log.WarnContext(ctx, "no sign of life is given for now", "error", err)
	}
}

// sweep forgets, once, tenants that went while nobody asked.
func (w *writer) sweep(ctx context.Context) bool {
	if w.swept {
		return true
	}
	known, err := w.m.states.Known(ctx)
	if err != nil {
		w.m.log.WarnContext(ctx, "tenants that are gone are not forgotten for now", "error", err)
		return false
	}
	for _, id := range known {
		if w.m.find(id) == nil {
			w.m.changed(id)
		}
	}
	w.swept = w.flush(ctx)
	return w.swept
}

// flush writes what is to be written, and reports whether all of it was. What
// was not is tried again at the next look.
func (w *writer) flush(ctx context.Context) bool {
	all := true
	for id := range w.m.takeDirty() {
		if err := w.write(ctx, id); err != nil && ctx.Err() == nil {
			all = false
			w.m.log.WarnContext(ctx, "health is not remembered for now", "tenant", id, "error", err)
			w.m.mu.Lock()
			w.m.dirty[id] = true
			w.m.mu.Unlock()
		}
	}
	return all && ctx.Err() == nil
}

func (w *writer) write(ctx context.Context, id string) error {
	t := w.m.find(id)
	if t == nil {
		delete(w.saved, id)
		return w.m.states.Forget(ctx, id)
	}
	h, uid := t.health(time.Now()), t.uid()
	now := essence(uid, h)
	if w.saved[id] == now {
		return nil
	}
	if err := w.m.states.Save(ctx, id, uid, h); err != nil {
		return err
	}
	w.saved[id] = now
	return nil
}

// essence is what of a health is worth a write.
func essence(uid string, h *healthv1.TenantHealth) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\n", uid, h.GetState(), h.GetSummary())
	for _, c := range h.GetComponents() {
		fmt.Fprintf(&b, "%s %s\n", c.GetName(), c.GetState())
	}
	fmt.Fprint(&b, h.GetEndpoint().GetState())
	return b.String()
}
