// Package desired keeps what every tenant wishes, as the registry last said.
//
// A [View] is in memory only. [Follower] fills it from WatchTenants: it lists,
// resumes by revision, lists again when the revision is forgotten, and waits
// when the registry is away; the view stays as it was meanwhile. A tenant that
// is missing means nothing: work begins from a wish that is there, and only
// one that says so deletes.
package desired

import (
	"sync"

	"google.golang.org/protobuf/proto"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/internal/record"
)

// View is what is wished. It is safe for concurrent use; its tenants are
// shared and must not be changed.
type View struct {
	mu        sync.Mutex
	tenants   map[string]*registryv1.Tenant
	synced    bool
	whole     chan struct{} // closed when it is
	observers map[int]func(tenant string)
	next      int
}

// NewView makes an empty one.
func NewView() *View {
	return &View{tenants: map[string]*registryv1.Tenant{}, whole: make(chan struct{}), observers: map[int]func(string){}}
}

// Get gives one tenant by id; false when none was ever seen, or it is gone.
func (v *View) Get(tenant string) (*registryv1.Tenant, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t, ok := v.tenants[tenant]
	return t, ok
}

// All lists the ids of all tenants, in no order.
func (v *View) All() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	ids := make([]string, 0, len(v.tenants))
	for id := range v.tenants {
		ids = append(ids, id)
	}
	return ids
}

// Synced says whether a whole list was seen since the start.
func (v *View) Synced() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.synced
}

// Whole gives a channel that is closed once a whole list was seen: only then is
// who is missing gone.
func (v *View) Whole() <-chan struct{} { return v.whole }

// Observe calls changed with the id of every tenant that changes from now on.
// It must not block. Call stop to end it.
func (v *View) Observe(changed func(tenant string)) (stop func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := v.next
	v.next++
	v.observers[n] = changed
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.observers, n)
	}
}

// put takes a tenant in unless a newer generation of it is known.
func (v *View) put(t *registryv1.Tenant) {
	id := record.TenantID(t.GetName())
	v.mu.Lock()
	defer v.mu.Unlock()
	old := v.tenants[id]
	if old.GetUid() == t.GetUid() && old.GetGeneration() > t.GetGeneration() {
		return
	}
	v.tenants[id] = t
	if !sameWish(old, t) {
		v.tell(id)
	}
}

// sameWish says whether there is nothing in the second that work could depend
// on: reports change tenants, too.
func sameWish(a, b *registryv1.Tenant) bool {
	return a.GetUid() == b.GetUid() && a.GetGeneration() == b.GetGeneration() && a.GetPurging() == b.GetPurging() &&
		proto.Equal(a.GetHold(), b.GetHold()) && proto.Equal(a.GetMaintenanceWindow(), b.GetMaintenanceWindow()) &&
		a.GetUrgentGeneration() == b.GetUrgentGeneration() && a.GetDriftPolicy() == b.GetDriftPolicy() &&
		proto.Equal(a.GetRecovery(), b.GetRecovery())
}

// remove drops a tenant that the registry says is gone for good.
func (v *View) remove(id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.tenants, id)
	v.tell(id)
}

func (v *View) setSynced() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.synced {
		v.synced = true
		close(v.whole)
	}
}

func (v *View) tell(id string) {
	for _, changed := range v.observers {
		changed(id)
	}
}
