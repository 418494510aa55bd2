package queued

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/failure"
	"stampworks.dev/services/provisioner/internal/placement"
	"stampworks.dev/services/provisioner/internal/record"
)

// Desk keeps operations of tenants without a cell. It implements
// [placement.Desk]. Its reports carry no token: they come before all that a
// cell's owner reports.
type Desk struct {
	Store    *record.Store
	Reporter engine.Reporter
}

// Block shows an obstacle on the queued operation and tells the registry.
func (d Desk) Block(ctx context.Context, t *placement.Tenant, o *typev1.Obstacle, guard store.Cond) error {
	v, err := d.update(ctx, t, guard, func(m *typev1.OperationMetadata) {
		o.Since = timestamppb.Now()
		if old := m.GetObstacles(); len(old) == 1 && old[0].GetCode() == o.GetCode() {
			o.Since = old[0].GetSince()
		}
		m.Obstacles = []*typev1.Obstacle{o}
	})
	if err != nil {
		return err
	}
	d.tell(t, v, &registryv1.TenantStatus{Phase: registryv1.TenantStatus_IN_PROGRESS, Obstacles: []*typev1.Obstacle{o}})
	return nil
}

// Finish ends the operation of a tenant that needs nothing done.
func (d Desk) Finish(ctx context.Context, t *placement.Tenant, guard store.Cond) error {
	v, err := d.update(ctx, t, guard, func(m *typev1.OperationMetadata) {
		m.State, m.EndTime, m.Obstacles, m.Progress = typev1.OperationMetadata_SUCCEEDED, timestamppb.Now(), nil, "nothing to do"
	})
	if err != nil {
		return err
	}
	st := &registryv1.TenantStatus{Phase: registryv1.TenantStatus_DONE}
	if t.Wish.GetPurging() {
		st.Phase = registryv1.TenantStatus_PURGED
	}
	d.tell(t, v, st)
	return nil
}

// Cancelled ends the queued operation if a person asked for it. True: it has
// ended, now or before, and the tenant is not to be placed.
func (d Desk) Cancelled(ctx context.Context, t *placement.Tenant, guard store.Cond) (bool, error) {
	known, err := d.Store.Operations.Get(ctx, t.Operation)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if op := known.Value; err != nil || !op.GetCancelRequested() && !record.Over(op.GetMetadata()) {
		return false, err
	}
	f := failure.New(typev1.Failure_CANCELLED, "", "A person cancelled the operation before it began.").Failure
	f.Retryable = false
	v, err := d.update(ctx, t, guard, func(m *typev1.OperationMetadata) {
		m.State, m.EndTime, m.Obstacles, m.Failure = typev1.OperationMetadata_CANCELLED, timestamppb.Now(), nil, f
	})
	if err != nil {
		return true, err
	}
	d.tell(t, v, &registryv1.TenantStatus{Phase: registryv1.TenantStatus_GAVE_UP, Failure: v.Value.GetMetadata().GetFailure()})
	return true, nil
}

// update changes the operation of the tenant's generation, unless it has ended,
// and makes it when it is not there.
func (d Desk) update(ctx context.Context, t *placement.Tenant, guard store.Cond, change func(*typev1.OperationMetadata)) (store.Versioned[*pb.OperationRecord], error) {
	edit := func(op *pb.OperationRecord) error {
		if !record.Over(op.GetMetadata()) {
			change(op.GetMetadata())
		}
		return nil
	}
	v, err := d.Store.Operations.Update(ctx, t.Operation, edit, guard)
	if _, trial := record.TrialOperation(t.ID); trial || !errors.Is(err, store.ErrNotFound) {
		return v, err
	}
	if err := d.Store.CloseOlder(ctx, t.ID, t.Wish.GetGeneration(), guard); err != nil {
		return v, err
	}
	op := engine.NewOperation(t.Wish, nil)
	change(op.GetMetadata())
	v, err = d.Store.Operations.Create(ctx, t.Operation, op, guard)
	if err != nil {
		return v, fmt.Errorf("create operation %q: %w", t.Operation, err)
	}
	return v, nil
}

func (d Desk) tell(t *placement.Tenant, v store.Versioned[*pb.OperationRecord], st *registryv1.TenantStatus) {
	if _, trial := record.TrialOperation(t.ID); trial {
		return
	}
	st.ObservedGeneration, st.StampRevision, st.UpdateTime = t.Wish.GetGeneration(), v.ModRevision, timestamppb.Now()
	d.Reporter.Report(t.ID, t.UID, st)
}
