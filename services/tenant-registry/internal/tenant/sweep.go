package tenant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
)

// Sweep forgets old requests, and begins to purge the tenants whose retention is
// over: in an hour not more than three, or a tenth of all, so that a wrong clock
// costs little.
func (t *Tenants) Sweep(ctx context.Context, now time.Time) error {
	return errors.Join(t.sweepRequests(ctx, now), t.sweepDeleted(ctx, now))
}

func (t *Tenants) sweepDeleted(ctx context.Context, now time.Time) error {
	items, _ := t.cache.Snapshot()
	all := t.views(items)
	var due []View
	for _, v := range all {
		if until := v.Spec().GetPurgeTime(); until != nil && !v.Spec().GetPurging() && now.After(until.AsTime()) {
			due = append(due, v)
		}
	}
	if len(due) == 0 {
		return nil
	}
	begun, err := t.purgedLately(ctx, all, now)
	if err != nil {
		return err
	}
	for _, v := range due[:min(len(due), max(0, max(3, len(all)/10)-begun))] {
		if _, err := t.Purge(ctx, v.Name(), v.Etag()); err != nil && !errs.Is(err, errs.Conflict) && !errs.Is(err, errs.NotFound) {
			return fmt.Errorf("purge tenant %q after its retention: %w", v.Name().ID, err)
		}
	}
	return nil
}

// purgedLately counts the purges of the last hour, begun and done.
func (t *Tenants) purgedLately(ctx context.Context, all []View, now time.Time) (int, error) {
	count := 0
	for _, v := range all {
		if v.Spec().GetPurging() && now.Sub(v.Spec().GetGenerationTime().AsTime()) < time.Hour {
			count++
		}
	}
	items, _, err := t.tombstones.List(ctx, store.ListOptions{})
	if err != nil {
		return 0, fmt.Errorf("count tombstones: %w", err)
	}
	for _, item := range items {
		if now.Sub(item.Value.GetPurgeTime().AsTime()) < time.Hour {
			count++
		}
	}
	return count, nil
}
