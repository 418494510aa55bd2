package tenant

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/timeline"
)

// Destruction asks for a deleted tenant to be purged.
type Destruction struct {
	Etag string
	// Force ends even when something cannot be destroyed; only after a failure.
	Force bool
	// Confirm is the number of purges begun in an hour that is not too many.
	Confirm int
}

// Purge begins to destroy a deleted tenant's stamp and data. Of one that is being
// purged nothing changes, unless that failed: then it is tried again.
// ErrNotFound, ErrNotDeleted, ErrForce, ErrEtag, or reason PURGE_LIMIT.
func (t *Tenants) Purge(ctx context.Context, name names.Tenant, d Destruction) (Change, error) {
	return t.purge(ctx, name, d, time.Now())
}

func (t *Tenants) purge(ctx context.Context, name names.Tenant, d Destruction, now time.Time) (Change, error) {
	return t.mutate(ctx, name, d.Etag, false, func(v View, next *registryv1.Tenant) (edit, error) {
		spec := v.Spec()
		failed := spec.GetPurging() && v.State() == registryv1.Tenant_FAILED
		switch {
		case spec.GetDeleteTime() == nil:
			return edit{}, ErrNotDeleted.Naming("tenant", name.String())
		case spec.GetPurging() && !failed && (!d.Force || spec.GetPurge().GetForce()):
			return edit{nothing: true}, nil
		case d.Force && !failed:
			return edit{}, ErrForce.Naming("tenant", name.String())
		}
		next.Purging = true
		next.Purge = &registryv1.Purge{Principal: timeline.Who(ctx), CreateTime: timestamppb.New(now), Force: d.Force}
		e := edit{entry: timeline.Entry{Action: timeline.Purging, Message: "Destruction of the stamp and its data asked for"}}
		if d.Force {
			e.entry.Message += ", whatever cannot be destroyed"
		}
		if failed {
			return e, nil // it was counted when it began
		}
		cond, op, err := t.countPurge(ctx, name, d.Confirm, now)
		e.conds, e.ops = append(e.conds, cond), append(e.ops, op)
		return e, err
	})
}
