package tenant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/timeline"
)

// sweepExpired removes holds and overrides that are over.
func (t *Tenants) sweepExpired(ctx context.Context, now time.Time) error {
	items, _ := t.cache.Snapshot()
	var all error
	for _, v := range t.views(items) {
		if over(v.Spec().GetHold().GetExpireTime(), now) {
			all = errors.Join(all, t.expire(ctx, v, func(v View, next *registryv1.Tenant) edit {
				was := v.Spec().GetHold()
				next.Hold = nil
				return edit{nothing: !over(was.GetExpireTime(), now), quiet: true, entry: timeline.Entry{
					Action: timeline.HoldExpired, Message: fmt.Sprintf("Hold of %s ended: %s", was.GetOwner(), was.GetReason()),
				}}
			}))
		}
		if over(v.Spec().GetOverrides().GetExpireTime(), now) {
			all = errors.Join(all, t.expire(ctx, v, func(v View, next *registryv1.Tenant) edit {
				was := v.Spec().GetOverrides()
				next.Overrides = nil
				// A deleted tenant has nothing that runs with them.
				return edit{nothing: !over(was.GetExpireTime(), now), quiet: v.Spec().GetDeleteTime() != nil, entry: timeline.Entry{
					Action: timeline.OverridesExpired, Message: fmt.Sprintf("Overrides of %s ended: %s", was.GetOwner(), was.GetReason()), Fields: []string{"overrides"},
				}}
			}))
		}
	}
	return all
}

// expire changes a tenant as it is now. One that is gone, or was changed
// meanwhile so that nothing expires, is fine.
func (t *Tenants) expire(ctx context.Context, v View, work func(View, *registryv1.Tenant) edit) error {
	_, err := t.mutate(ctx, v.Name(), "", false, func(v View, next *registryv1.Tenant) (edit, error) { return work(v, next), nil })
	if err != nil && !errs.Is(err, errs.NotFound) {
		return fmt.Errorf("end what expired of tenant %q: %w", v.Name().ID, err)
	}
	return nil
}

// over says whether something had an end, and it has come.
func over(at *timestamppb.Timestamp, now time.Time) bool {
	return at != nil && !now.Before(at.AsTime())
}
