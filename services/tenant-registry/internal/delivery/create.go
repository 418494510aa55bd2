package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/mapping"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/tenant"
)

// maxNumber is the last number tried behind an id that is taken.
const maxNumber = 1000

// rehearse finds the first free id, and the tenant as it would be.
func (d *Deliveries) rehearse(ctx context.Context, deal mapping.Deal) (string, *registryv1.Tenant, error) {
	if err := names.CheckID("tenant.tenant_id", deal.TenantID); err != nil {
		return "", nil, err
	}
	for n := 1; n <= maxNumber; n++ {
		id := names.Numbered(deal.TenantID, n)
		change, err := d.tenants.Create(ctx, tenant.Creation{ID: id, Wish: deal.Tenant, DryRun: true})
		if !errors.Is(err, tenant.ErrExists) && !errors.Is(err, tenant.ErrPurgedID) {
			return id, change.Tenant, err
		}
	}
	return "", nil, errs.Invalid(names.ReasonInvalid, errs.Violation{Field: "tenant.tenant_id", Description: fmt.Sprintf("is taken, and so are %d numbered ones", maxNumber)})
}

// create makes the tenant, the outcome and the end of the queue entry in one
// transaction; false when somebody changed something meanwhile.
func (d *Deliveries) create(ctx context.Context, j *job, v verdict) (bool, error) {
	conds, ops := slices.Clone(j.same), []store.Op{}
	if j.entry.approver == "" { // a person's word is not counted
		budget, err := d.budget(ctx, j.name.Source)
		if err != nil {
			return false, err
		}
		if limit := int(j.source.GetMaxCreatesPerHour()); len(budget.recent) >= limit {
			v.outcome = registryv1.Delivery_NEEDS_APPROVAL
			v.reason = also(v.reason, fmt.Sprintf("the source has made %d tenants in the last hour, which is its limit", len(budget.recent)))
			return d.finish(ctx, j, v)
		}
		spend, err := budget.spend(time.Now())
		if err != nil {
			return false, err
		}
		conds, ops = append(conds, budget.same, d.sources.Unchanged(j.source)), append(ops, spend)
	}
	v.writeTo(j)
	ops = append(ops, d.records.PutOp(recordID(j.name), j.record), d.queue.DeleteOp(recordID(j.name)))
	_, err := d.tenants.Create(ctx, tenant.Creation{
		ID: v.id, Wish: v.deal.Tenant, Why: fmt.Sprintf("deal %s of %s", v.dealID, j.source.GetName()), Conds: conds, Ops: ops,
	})
	if errs.Is(err, errs.Conflict) || errs.Is(err, errs.AlreadyExists) {
		return false, nil // the id, the deal or the delivery is somebody else's now: look again
	}
	return err == nil, err
}

// budget is how many tenants a source made in the last hour, by itself.
type budget struct {
	key    string
	recent []int64 // seconds
	same   store.Cond
}

func (d *Deliveries) budget(ctx context.Context, source string) (budget, error) {
	b := budget{key: d.prefix + "source-creates/" + source}
	kv, err := d.backend.Get(ctx, b.key)
	if errors.Is(err, store.ErrNotFound) {
		b.same = store.Absent(b.key)
		return b, nil
	}
	if err != nil {
		return b, fmt.Errorf("read budget of source %q: %w", source, err)
	}
	b.same = store.ModRevisionIs(b.key, kv.ModRevision)
	if err := json.Unmarshal(kv.Value, &b.recent); err != nil {
		return b, fmt.Errorf("decode budget of source %q: %w", source, err)
	}
	hourAgo := time.Now().Add(-time.Hour).Unix()
	b.recent = slices.DeleteFunc(b.recent, func(at int64) bool { return at <= hourAgo })
	return b, nil
}

func (b budget) spend(at time.Time) (store.Op, error) {
	raw, err := json.Marshal(append(slices.Clone(b.recent), at.Unix()))
	if err != nil {
		return store.Op{}, fmt.Errorf("encode budget: %w", err)
	}
	return store.PutOp(b.key, raw), nil
}
