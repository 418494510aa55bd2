package tenant

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/blueprints"
	"stampworks.dev/services/tenant-registry/internal/timeline"
)

// DefaultRetention is how long a deleted tenant's data is kept.
const DefaultRetention = 30 * 24 * time.Hour

// Deps are what Tenants needs.
type Deps struct {
	Backend  store.Backend
	Prefix   string // of all keys, ends with "/"
	Catalog  *blueprints.Catalog
	Timeline *timeline.Timeline
	Log      *slog.Logger
	// Retention of deleted tenants, default DefaultRetention.
	Retention time.Duration
	// ProgressEvery is how often an idle watch says how far it is, default 10 s.
	ProgressEvery time.Duration
}

// Tenants keeps all tenants. It is safe for concurrent use; several replicas may
// share a store.
type Tenants struct {
	backend    store.Backend
	records    *store.Collection[*registryv1.Tenant]
	cache      *store.Cache[*registryv1.Tenant]
	requests   *store.Collection[*registryv1.Tenant]
	tombstones *store.Collection[*registryv1.Tenant]
	purges     *store.Collection[*structpb.Struct]
	deals      *store.Collection[*registryv1.Deal]
	catalog    *blueprints.Catalog
	timeline   *timeline.Timeline
	log        *slog.Logger
	retention  time.Duration

	progressEvery time.Duration
}

// recordBytes leaves room for what the registry adds to a tenant of maxBytes.
const recordBytes = maxBytes + 16<<10

// New gives the tenants of a store.
func New(d Deps) *Tenants {
	tenants := func(prefix string) *store.Collection[*registryv1.Tenant] {
		return store.NewCollection(d.Backend, d.Prefix+prefix, func() *registryv1.Tenant { return &registryv1.Tenant{} }).WithMaxBytes(recordBytes)
	}
	t := &Tenants{
		backend:    d.Backend,
		records:    tenants("tenants/"),
		requests:   tenants("requests/tenants/"),
		tombstones: tenants("tombstones/"),
		purges:     store.NewCollection(d.Backend, d.Prefix+"purges/", func() *structpb.Struct { return &structpb.Struct{} }),
		deals:      store.NewCollection(d.Backend, d.Prefix+"deals/", func() *registryv1.Deal { return &registryv1.Deal{} }),
		catalog:    d.Catalog,
		timeline:   d.Timeline,
		log:        d.Log,
		retention:  cmp.Or(d.Retention, DefaultRetention),

		progressEvery: cmp.Or(d.ProgressEvery, 10*time.Second),
	}
	t.cache = store.NewCacheWith(t.records, store.CacheConfig{Log: d.Log})
	return t
}

// Run keeps the one watch that lists and watchers share, until ctx ends.
func (t *Tenants) Run(ctx context.Context) error { return t.cache.Run(ctx) }

// Ready says whether lists and watches can be served from memory.
func (t *Tenants) Ready() bool { return t.cache.Synced() }
