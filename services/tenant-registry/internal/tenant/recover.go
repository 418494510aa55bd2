package tenant

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/telemetry"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/timeline"
)

// graceAfterRecovery is how long a deleted tenant is kept at least when it was
// made again: whoever recovers has a day to look.
const graceAfterRecovery = 24 * time.Hour

// Recovery asks for a tenant whose record was lost.
type Recovery struct {
	// ID names the recovery, Cell is the one that the stamp is in.
	ID, Cell string
	// Was is the tenant as it was, with name, uid and a generation above all that
	// it had.
	Was *registryv1.Tenant
	// TakeOver has the stamp of a tenant that is there taken over again.
	TakeOver bool
	// DryRun does everything but write.
	DryRun bool
}

// Recover makes a tenant again under its own uid. ErrExists, ErrPurgedID,
// ErrDealTaken, or violations of "tenant.…" and "cell".
func (t *Tenants) Recover(ctx context.Context, r Recovery) (Change, error) {
	name, err := names.ParseTenant("tenant.name", r.Was.GetName())
	if err != nil {
		return Change{}, err
	}
	if err := names.CheckID("tenant.name", name.ID); err != nil {
		return Change{}, err
	}
	if _, err := names.ParseCell("cell", r.Cell); err != nil {
		return Change{}, err
	}
	if r.Was.GetUid() == "" || r.Was.GetGeneration() < 1 {
		return Change{}, invalid("tenant.uid", "is required, and so is a generation: a tenant that was never made cannot be made again")
	}
	if r.TakeOver {
		if v, err := t.Get(ctx, name); err == nil && v.Spec().GetUid() == r.Was.GetUid() {
			return t.takeOver(ctx, name, r)
		}
	}
	spec, err := t.recovered(ctx, r)
	if err != nil {
		return Change{}, err
	}
	made := Change{Tenant: View{spec: record{Value: spec}}.Message(), DryRun: r.DryRun, Kind: spec.GetGenerationKind()}
	if r.DryRun {
		return made, t.inTheWay(ctx, name, spec)
	}
	view, done, err := t.insert(ctx, name, spec, "", nil, nil)
	if err != nil {
		return Change{}, err
	}
	if !done {
		err := t.inTheWay(ctx, name, spec)
		return Change{}, firstOf(err, errChanged.With("tenant", name.String()))
	}
	made.Tenant = view.Message()
	return made, nil
}

// takeOver notes the recovery on a tenant that is there; its wish stays.
func (t *Tenants) takeOver(ctx context.Context, name names.Tenant, r Recovery) (Change, error) {
	return t.mutate(ctx, name, "", r.DryRun, func(_ View, next *registryv1.Tenant) (edit, error) {
		next.Recovery = &registryv1.Recovery{Id: r.ID, Cell: r.Cell, CreateTime: timestamppb.Now()}
		return edit{quiet: true, entry: timeline.Entry{Action: timeline.Recovered, Message: "Its stamp in " + r.Cell + " is taken over again: etcd was restored"}}, nil
	})
}

// inTheWay is what keeps a tenant from being made again; nil when nothing does.
// One that is there is named before its deal is, which is its own.
func (t *Tenants) inTheWay(ctx context.Context, name names.Tenant, spec *registryv1.Tenant) error {
	_, err := t.Get(ctx, name)
	switch {
	case err == nil:
		return ErrExists.Naming("tenant", name.String())
	case !errs.Is(err, errs.NotFound):
		return err
	}
	return t.whyNot(ctx, name, spec)
}

// recovered is the record of a tenant that is made again: without what was
// reported, and not past undelete. The data that it begins with stays: who recovers
// names it only when the stamp does not have it yet.
func (t *Tenants) recovered(ctx context.Context, r Recovery) (*registryv1.Tenant, error) {
	spec, now := clone(r.Was), time.Now()
	spec.Etag, spec.State, spec.Reconciling, spec.Status = "", registryv1.Tenant_STATE_UNSPECIFIED, false, nil
	spec.Purging, spec.Purge, spec.UrgentGeneration = false, nil, 0
	if err := t.settle(ctx, spec, r.Was); err != nil {
		return nil, fmt.Errorf("recover tenant %q: %w", spec.GetName(), err)
	}
	spec.GenerationKind = typev1.OperationMetadata_CREATE
	switch {
	case spec.GetDeleteTime() != nil:
		spec.GenerationKind = typev1.OperationMetadata_DELETE
		if least := now.Add(graceAfterRecovery); spec.GetPurgeTime().AsTime().Before(least) {
			spec.PurgeTime = timestamppb.New(least)
		}
	case spec.GetSuspended():
		spec.GenerationKind = typev1.OperationMetadata_SUSPEND
	}
	spec.Recovery = &registryv1.Recovery{Id: r.ID, Cell: r.Cell, CreateTime: timestamppb.New(now)}
	spec.UpdateTime, spec.GenerationTime = timestamppb.New(now), timestamppb.New(now)
	spec.Traceparent = telemetry.Traceparent(ctx)
	return spec, nil
}
