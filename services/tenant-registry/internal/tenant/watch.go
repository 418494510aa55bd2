package tenant

import (
	"context"
	"errors"
	"time"

	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// Watch sends all tenants (after 0) or what changed since a revision, then
// SYNCED, then every change, all from the one cache. A revision in an event is
// one to resume after: nothing up to it is still to come. ErrCompacted when that
// far back is forgotten or the receiver is too slow; send's own error ends the
// watch as it is.
func (t *Tenants) Watch(ctx context.Context, after int64, send func(*registryv1.WatchTenantsResponse) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events, why := t.cache.Subscribe(ctx, after)
	w := watch{tenants: t, send: send, listing: after == 0, reached: after}
	tick := time.NewTicker(t.progressEvery)
	defer tick.Stop()
	for {
		var err error
		select {
		case ev, ok := <-events:
			if !ok {
				return ended(why())
			}
			err = w.event(ev)
		case <-tick.C:
			err = w.progress()
		}
		if err != nil {
			return err
		}
	}
}

func ended(err error) error {
	if errors.Is(err, store.ErrCompacted) {
		return ErrCompacted.Because(err)
	}
	return err
}

// watch is one receiver.
type watch struct {
	tenants *Tenants
	send    func(*registryv1.WatchTenantsResponse) error
	listing bool  // before SYNCED of a watch from 0
	reached int64 // to resume after
	busy    bool  // something was sent since the last tick
	idle    int64 // the cache's revision at the last tick
}

func (w *watch) event(ev store.TypedEvent[*registryv1.Tenant]) error {
	w.busy = true
	if !ev.More && (!w.listing || ev.Type == store.Synced) {
		w.reached = ev.Revision
	}
	msg := &registryv1.WatchTenantsResponse{Revision: w.reached}
	id, part := splitPart(ev.ID)
	switch {
	case ev.Type == store.Synced:
		w.listing = false
		msg.Type = registryv1.WatchTenantsResponse_SYNCED
	case ev.Type == store.Delete && part == specPart:
		msg.Type = registryv1.WatchTenantsResponse_REMOVED
		msg.Tenant = &registryv1.Tenant{Name: "tenants/" + id, Uid: ev.Item.Value.GetUid()}
	case ev.Type == store.Put && !(w.listing && part == statusPart):
		spec, there := w.tenants.cache.Peek(id + specPart)
		if !there {
			return nil // removed since: that event follows
		}
		status, _ := w.tenants.cache.Peek(id + statusPart)
		msg.Type = registryv1.WatchTenantsResponse_PUT
		msg.Tenant = View{spec: spec, status: status}.Message()
	default:
		return nil
	}
	return w.send(msg)
}

// progress is sent after two quiet ticks: by then everything that the cache knew
// at the first of them has come through.
func (w *watch) progress() error {
	quiet := !w.busy && !w.listing && w.idle > w.reached
	at := w.idle
	_, w.idle = w.tenants.cache.Snapshot()
	w.busy = false
	if !quiet {
		return nil
	}
	w.reached = at
	return w.send(&registryv1.WatchTenantsResponse{Type: registryv1.WatchTenantsResponse_PROGRESS, Revision: at})
}
