package timeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/telemetry"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// Retention is how long entries are kept.
const Retention = 30 * 24 * time.Hour

// Actions. The first group is what somebody asked for, the second what came of
// it.
const (
	Created    = "tenant.created"
	Updated    = "tenant.updated"
	Suspending = "tenant.suspending"
	Resuming   = "tenant.resuming"
	Retried    = "tenant.retried"
	Deleting   = "tenant.deleting"
	Purging    = "tenant.purging"
	Upgrading  = "tenant.upgrading"
	Undeleting = "tenant.undeleting"
	Held       = "tenant.held"
	Unheld     = "tenant.unheld"
	Recovered  = "tenant.recovered"

	Active           = "tenant.active"
	Failed           = "tenant.failed"
	RolledBack       = "tenant.rolled_back"
	Suspended        = "tenant.suspended"
	Deleted          = "tenant.deleted"
	Purged           = "tenant.purged"
	HoldExpired      = "tenant.hold_expired"
	OverridesExpired = "tenant.overrides_expired"
)

// Nobody is the principal of a change that no caller asked for.
const Nobody = "services/tenant-registry"

// Timeline keeps the entries of all tenants.
type Timeline struct {
	entries *store.Collection[*registryv1.TimelineEntry]
}

// New gives the timeline under a prefix that ends with "/".
func New(b store.Backend, prefix string) *Timeline {
	return &Timeline{entries: store.NewCollection(b, prefix+"timeline/", func() *registryv1.TimelineEntry { return &registryv1.TimelineEntry{} })}
}

// Entry is one thing to remember.
type Entry struct {
	// Action is one of the constants.
	Action string
	// Message says it in one sentence.
	Message string
	// Generation that it led to, or is about.
	Generation int64
	// Fields that were changed.
	Fields []string
}

// Op writes an entry as part of a transaction. Who and in which trace come from
// the context.
func (t *Timeline) Op(ctx context.Context, tenant names.Tenant, at time.Time, e Entry) store.Op {
	id := newID()
	return t.entries.PutOp(tenant.ID+"/"+id, &registryv1.TimelineEntry{
		Name: tenant.Entry(id), CreateTime: timestamppb.New(at), Principal: Who(ctx),
		Action: e.Action, Message: e.Message, Generation: e.Generation, Fields: e.Fields, TraceId: telemetry.TraceID(ctx),
	})
}

// Who is the principal that a context acts for.
func Who(ctx context.Context) string {
	if p, ok := identity.PrincipalFrom(ctx); ok {
		return p.Name
	}
	return Nobody
}

// List gives a tenant's entries, newest first. It does not know whether the
// tenant was ever there.
func (t *Timeline) List(ctx context.Context, tenant names.Tenant) ([]*registryv1.TimelineEntry, error) {
	items, _, err := t.entries.List(ctx, store.ListOptions{Prefix: tenant.ID + "/"})
	if err != nil {
		return nil, fmt.Errorf("list timeline of %q: %w", tenant.ID, err)
	}
	list := make([]*registryv1.TimelineEntry, len(items))
	for i, item := range items {
		list[len(items)-1-i] = item.Value
	}
	return list, nil
}

// Sweep removes what is older than Retention.
func (t *Timeline) Sweep(ctx context.Context, now time.Time) error {
	items, _, err := t.entries.List(ctx, store.ListOptions{})
	if err != nil {
		return fmt.Errorf("sweep timeline: %w", err)
	}
	var old []store.Op
	for _, item := range items {
		if now.Sub(item.Value.GetCreateTime().AsTime()) > Retention {
			old = append(old, store.DeleteOp(item.Key))
		}
	}
	for chunk := range slices.Chunk(old, store.MaxTxnOps) {
		if _, err := t.entries.Backend().Txn(ctx, nil, chunk); err != nil {
			return fmt.Errorf("sweep timeline: %w", err)
		}
	}
	return nil
}

// newID sorts by time, in this process strictly.
func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		return time.Now().UTC().Format("20060102150405.000000000") // the system has no randomness
	}
	return id.String()
}
