package tenant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stampworks.dev/pkg/errs"
)

// Sweep forgets old requests, removes holds and overrides that are over, and
// begins to purge the tenants whose retention is over, as many as the limit of
// purges lets through.
func (t *Tenants) Sweep(ctx context.Context, now time.Time) error {
	return errors.Join(t.sweepRequests(ctx, now), t.sweepExpired(ctx, now), t.sweepDeleted(ctx, now))
}

// sweepDeleted leaves a tenant on hold alone: its purge could not be taken back.
func (t *Tenants) sweepDeleted(ctx context.Context, now time.Time) error {
	items, _ := t.cache.Snapshot()
	for _, v := range t.views(items) {
		spec := v.Spec()
		held := spec.GetHold() != nil && !over(spec.GetHold().GetExpireTime(), now)
		if !over(spec.GetPurgeTime(), now) || spec.GetPurging() || held {
			continue
		}
		_, err := t.purge(ctx, v.Name(), Destruction{Etag: v.Etag()}, now)
		switch {
		case errs.ReasonOf(err) == ReasonPurgeLimit:
			return nil // the rest in time
		case err != nil && !errs.Is(err, errs.Conflict) && !errs.Is(err, errs.NotFound):
			return fmt.Errorf("purge tenant %q after its retention: %w", v.Name().ID, err)
		}
	}
	return nil
}
