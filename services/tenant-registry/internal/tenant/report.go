package tenant

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/timeline"
)

// Report writes what the provisioner says about a tenant's stamp and gives the
// present generation. Reports are ordered by (token, stamp revision): an older
// one is ErrStale, and so is one that tells otherwise under the same order, or
// of an earlier generation. The same one again is fine. ErrNotFound, ErrUID.
func (t *Tenants) Report(ctx context.Context, name names.Tenant, uid string, status *registryv1.TenantStatus) (int64, error) {
	for {
		before, err := t.Get(ctx, name)
		if errors.Is(err, ErrNotFound) && status.GetPhase() == registryv1.TenantStatus_PURGED {
			return t.purgedBefore(ctx, name, uid, err)
		}
		if err != nil {
			return 0, err
		}
		if before.Spec().GetUid() != uid {
			return 0, ErrUID.Naming("tenant", name.String()).With("uid", uid)
		}
		done, err := t.reportOn(ctx, name, before, status)
		if err != nil || done {
			return before.Spec().GetGeneration(), err
		}
	}
}

func (t *Tenants) reportOn(ctx context.Context, name names.Tenant, before View, status *registryv1.TenantStatus) (bool, error) {
	generation := before.Spec().GetGeneration()
	switch old := before.Status(); {
	case status.GetObservedGeneration() > generation:
		return false, errs.Invalid("GENERATION_UNKNOWN", errs.Violation{Field: "status.observed_generation", Description: fmt.Sprintf("is greater than %d, the present one", generation)})
	case stale(status, old):
		return false, ErrStale.With("tenant", name.String()).With("token", fmt.Sprint(old.GetToken())).With("stamp_revision", fmt.Sprint(old.GetStampRevision()))
	case status.GetPhase() == registryv1.TenantStatus_PURGED:
		return t.bury(ctx, name, before, status)
	}
	next := &registryv1.Tenant{Uid: before.Spec().GetUid(), Generation: before.status.Value.GetGeneration()}
	next.Status, _ = proto.Clone(status).(*registryv1.TenantStatus)
	if next.GetGeneration() == 0 && status.GetPhase() == registryv1.TenantStatus_DONE {
		next.Generation = status.GetObservedGeneration()
	}
	next.Status.UpdateTime = before.Status().GetUpdateTime()
	if proto.Equal(next, before.status.Value) {
		return true, nil
	}
	next.Status.UpdateTime = timestamppb.New(time.Now())
	after := before
	after.status.Value = next
	ops := append([]store.Op{t.records.PutOp(name.ID+statusPart, next)}, t.tell(ctx, name, before, after)...)
	return t.commit(ctx, name, []store.Cond{unchanged(t, name.ID+statusPart, before.status), store.CreateRevisionIs(before.spec.Key, before.spec.CreateRevision)}, ops)
}

// stale says that a report must not take the place of the one that is there.
func stale(status, old *registryv1.TenantStatus) bool {
	switch {
	case old == nil:
		return false
	case status.GetObservedGeneration() < old.GetObservedGeneration():
		return true // of a replica that has yet to hear of the newer one
	case status.GetToken() != old.GetToken():
		return status.GetToken() < old.GetToken()
	case status.GetStampRevision() != old.GetStampRevision():
		return status.GetStampRevision() < old.GetStampRevision()
	}
	return !sameReport(status, old)
}

// sameReport compares all but when, and in which trace, it was told.
func sameReport(a, b *registryv1.TenantStatus) bool {
	a, b = proto.CloneOf(a), proto.CloneOf(b)
	a.UpdateTime, b.UpdateTime, a.TraceId, b.TraceId = nil, nil, "", ""
	return proto.Equal(a, b)
}

// bury removes a purged tenant and puts up its tombstone.
func (t *Tenants) bury(ctx context.Context, name names.Tenant, before View, status *registryv1.TenantStatus) (bool, error) {
	spec := before.Spec()
	if !spec.GetPurging() || status.GetObservedGeneration() != spec.GetGeneration() {
		return false, ErrNotPurging.Naming("tenant", name.String())
	}
	now := time.Now()
	return t.commit(ctx, name,
		[]store.Cond{store.ModRevisionIs(before.spec.Key, before.spec.ModRevision), unchanged(t, name.ID+statusPart, before.status)},
		[]store.Op{
			t.records.DeleteOp(name.ID + specPart),
			t.records.DeleteOp(name.ID + statusPart),
			t.tombstones.PutOp(name.ID, &registryv1.Tenant{
				Name: spec.GetName(), Uid: spec.GetUid(), DisplayName: spec.GetDisplayName(), Generation: spec.GetGeneration(),
				CreateTime: spec.GetCreateTime(), DeleteTime: spec.GetDeleteTime(), PurgeTime: timestamppb.New(now), Deal: spec.GetDeal(),
				Status: &registryv1.TenantStatus{Receipt: receiptOf(spec, status.GetReceipt(), now)},
			}),
			t.timeline.Op(ctx, name, now, timeline.Entry{Action: timeline.Purged, Message: "All of the stamp is destroyed", Generation: spec.GetGeneration()}),
		})
}

// purgedBefore answers a report of a purge that was taken in already.
func (t *Tenants) purgedBefore(ctx context.Context, name names.Tenant, uid string, otherwise error) (int64, error) {
	item, err := t.tombstones.Get(ctx, name.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && item.Value.GetUid() != uid {
		return 0, otherwise
	}
	return item.Value.GetGeneration(), err
}

// tell gives the timeline entry of a report that changed the state.
func (t *Tenants) tell(ctx context.Context, name names.Tenant, before, after View) []store.Op {
	state := after.State()
	entry := timeline.Entry{Generation: after.Status().GetObservedGeneration()}
	switch state {
	case registryv1.Tenant_ACTIVE:
		if after.Status().GetPhase() == registryv1.TenantStatus_ROLLED_BACK {
			entry.Action, entry.Message = timeline.RolledBack, fmt.Sprintf("Upgrade to %s failed, back on %s: %s",
				path.Base(after.Spec().GetBlueprint()), path.Base(after.Status().GetRevision()), after.Status().GetFailure().GetMessage())
			break
		}
		entry.Action, entry.Message = timeline.Active, "The stamp answers at "+after.Status().GetUrl()
	case registryv1.Tenant_FAILED:
		entry.Action, entry.Message = timeline.Failed, after.Status().GetFailure().GetMessage()
	case registryv1.Tenant_SUSPENDED:
		entry.Action, entry.Message = timeline.Suspended, "The stamp is stopped, its data kept"
	case registryv1.Tenant_DELETED:
		entry.Action, entry.Message = timeline.Deleted, "The stamp is stopped for good, its data kept until purged"
	default:
		return nil
	}
	if state == before.State() {
		return nil
	}
	return []store.Op{t.timeline.Op(ctx, name, after.Status().GetUpdateTime().AsTime(), entry)}
}

func (t *Tenants) commit(ctx context.Context, name names.Tenant, conds []store.Cond, ops []store.Op) (bool, error) {
	res, err := t.backend.Txn(ctx, conds, ops)
	if err != nil {
		return false, fmt.Errorf("report on tenant %q: %w", name.ID, err)
	}
	return res.Succeeded, nil
}

// unchanged holds while a record is what was read, or is still not there.
func unchanged(t *Tenants, id string, was record) store.Cond {
	if was.ModRevision == 0 {
		return store.Absent(t.records.Key(id))
	}
	return store.ModRevisionIs(t.records.Key(id), was.ModRevision)
}
