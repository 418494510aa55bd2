package stamps

import (
	"context"
	"maps"
	"slices"
	"sync"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// Known is every stamp that there is, as the provisioner last said: a Sink of
// one stream that feeds others with their parts. It is safe for concurrent use;
// its stamps are shared and must not be changed.
type Known struct {
	mu     sync.Mutex
	stamps map[string]*provisionerv1.Stamp
	synced bool
	feeds  map[*feed]bool
}

// feed is what one of the others has yet to hear of.
type feed struct {
	changed map[string]bool
	wake    chan struct{}
}

// NewKnown makes an empty one.
func NewKnown() *Known {
	return &Known{stamps: map[string]*provisionerv1.Stamp{}, feeds: map[*feed]bool{}}
}

// Put takes up a stamp, or its change.
func (k *Known) Put(_ context.Context, tenant string, s *provisionerv1.Stamp) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stamps[tenant] = s
	k.tell(tenant)
}

// Remove drops a stamp that is gone.
func (k *Known) Remove(tenant string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.stamps, tenant)
	k.tell(tenant)
}

// Keep drops every stamp that is not listed.
func (k *Known) Keep(listed map[string]bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var gone []string
	for tenant := range k.stamps {
		if !listed[tenant] {
			delete(k.stamps, tenant)
			gone = append(gone, tenant)
		}
	}
	k.synced = true
	k.tell(gone...)
}

// tell wakes all feeds. The caller holds mu.
func (k *Known) tell(tenants ...string) {
	for f := range k.feeds {
		for _, tenant := range tenants {
			f.changed[tenant] = true
		}
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

// Get gives one stamp, or nil.
func (k *Known) Get(tenant string) *provisionerv1.Stamp {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stamps[tenant]
}

// All gives every stamp, by tenant.
func (k *Known) All() map[string]*provisionerv1.Stamp {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.stamps)
}

// Feed tells a sink of its stamps, those that there are and every change, until
// ctx ends. The sink hears of one that is not its own as of one that is gone.
func (k *Known) Feed(ctx context.Context, own func(tenant string, s *provisionerv1.Stamp) bool, sink Sink) error {
	f := &feed{changed: map[string]bool{}, wake: make(chan struct{}, 1)}
	k.mu.Lock()
	k.feeds[f] = true
	k.tell(slices.Collect(maps.Keys(k.stamps))...)
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.feeds, f)
	}()
	for kept := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-f.wake:
		}
		changed, synced := k.take(f)
		for tenant, s := range changed {
			if s != nil && own(tenant, s) {
				sink.Put(ctx, tenant, s)
			} else {
				sink.Remove(tenant)
			}
		}
		if synced && !kept {
			sink.Keep(k.listed(own))
			kept = true
		}
	}
}

// take gives what changed since the last call, nil for what is gone.
func (k *Known) take(f *feed) (changed map[string]*provisionerv1.Stamp, synced bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	changed = map[string]*provisionerv1.Stamp{}
	for tenant := range f.changed {
		changed[tenant] = k.stamps[tenant]
	}
	f.changed = map[string]bool{}
	return changed, k.synced
}

func (k *Known) listed(own func(string, *provisionerv1.Stamp) bool) map[string]bool {
	listed := map[string]bool{}
	for tenant, s := range k.All() {
		listed[tenant] = own(tenant, s)
	}
	return listed
}
