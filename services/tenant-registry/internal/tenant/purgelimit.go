package tenant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	"stampworks.dev/services/tenant-registry/internal/names"
)

// ReasonPurgeLimit is the reason of a purge that is one too many.
const ReasonPurgeLimit = "PURGE_LIMIT"

// purgesLately is the one record of purges/: when each purge of the last hour
// began, by tenant id. Every purge that begins is counted in its own transaction,
// compared with what was read, so that replicas cannot pass the limit together.
const purgesLately = "lately"

// countPurge counts one more purge. Its condition and operation belong into the
// transaction that begins it. More than three, or a tenth of all tenants, in an
// hour are refused, unless confirm is their exact number: a wrong clock or a
// wrong script costs little.
func (t *Tenants) countPurge(ctx context.Context, name names.Tenant, confirm int, now time.Time) (store.Cond, store.Op, error) {
	item, err := t.purges.Get(ctx, purgesLately)
	cond := store.ModRevisionIs(item.Key, item.ModRevision)
	switch {
	case errors.Is(err, store.ErrNotFound):
		cond = store.Absent(t.purges.Key(purgesLately))
	case err != nil:
		return cond, store.Op{}, fmt.Errorf("count purges: %w", err)
	}
	next := &structpb.Struct{Fields: map[string]*structpb.Value{name.ID: structpb.NewStringValue(now.UTC().Format(time.RFC3339Nano))}}
	oldest := now
	for id, began := range item.Value.GetFields() {
		at, err := time.Parse(time.RFC3339Nano, began.GetStringValue())
		if err != nil || now.Sub(at) >= time.Hour || id == name.ID {
			continue
		}
		next.Fields[id] = began
		if at.Before(oldest) {
			oldest = at
		}
	}
	all, _, err := t.cache.List(ctx)
	if err != nil {
		return cond, store.Op{}, fmt.Errorf("count tenants: %w", err)
	}
	count, limit := len(next.GetFields()), max(3, len(t.views(all))/10)
	if count > limit && confirm != count {
		return cond, store.Op{}, errs.New(errs.FailedPrecondition, ReasonPurgeLimit,
			"%d purges would have begun within an hour, and %d may: wait until %s, or send confirm_count %d (--confirm %d) if that many are meant",
			count, limit, oldest.Add(time.Hour).UTC().Format(time.RFC3339), count, count).
			With("tenant", name.String()).With("count", fmt.Sprint(count)).With("limit", fmt.Sprint(limit))
	}
	return cond, t.purges.PutOp(purgesLately, next), nil
}
