package tenant

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/timeline"
)

// Deletion asks for a tenant to be stopped for good.
type Deletion struct {
	Etag         string
	AllowMissing bool // succeed when it is not there, or deleted already
	DryRun       bool
}

// Delete keeps the data for the retention. ErrNotFound, ErrGone, ErrProtected,
// ErrEtag.
func (t *Tenants) Delete(ctx context.Context, name names.Tenant, d Deletion) (Change, error) {
	change, err := t.mutate(ctx, name, d.Etag, d.DryRun, func(v View, next *registryv1.Tenant) (edit, error) {
		switch {
		case v.Spec().GetDeleteTime() != nil && d.AllowMissing:
			return edit{nothing: true}, nil
		case v.Spec().GetDeleteTime() != nil:
			return edit{}, ErrGone.Naming("tenant", name.String())
		case v.Spec().GetDeletionProtection():
			return edit{}, ErrProtected.Naming("tenant", name.String())
		}
		now := time.Now()
		next.DeleteTime, next.PurgeTime = timestamppb.New(now), timestamppb.New(now.Add(t.retention))
		return edit{entry: timeline.Entry{Action: timeline.Deleting, Message: "Deletion asked for; data is kept until " + now.Add(t.retention).UTC().Format(time.DateOnly)}}, nil
	})
	if errors.Is(err, ErrNotFound) && d.AllowMissing {
		return Change{Tenant: &registryv1.Tenant{Name: name.String()}, Kind: typev1.OperationMetadata_DELETE, Done: true, DryRun: true}, nil
	}
	return change, err
}

// Suspend stops the stamp and keeps its data; of a suspended one nothing changes.
func (t *Tenants) Suspend(ctx context.Context, name names.Tenant, etag, reason string) (Change, error) {
	if err := checkReason(reason); err != nil {
		return Change{}, err
	}
	return t.mutate(ctx, name, etag, false, func(v View, next *registryv1.Tenant) (edit, error) {
		if err := refuseDeleted(v); err != nil {
			return edit{}, err
		}
		next.Suspended, next.SuspendReason = true, reason
		return edit{nothing: v.Spec().GetSuspended(), entry: timeline.Entry{Action: timeline.Suspending, Message: sentence("Suspension asked for", reason)}}, nil
	})
}

// Resume starts a suspended stamp; of another one nothing changes.
func (t *Tenants) Resume(ctx context.Context, name names.Tenant, etag string) (Change, error) {
	return t.mutate(ctx, name, etag, false, func(v View, next *registryv1.Tenant) (edit, error) {
		if err := refuseDeleted(v); err != nil {
			return edit{}, err
		}
		next.Suspended, next.SuspendReason = false, ""
		e := edit{nothing: !v.Spec().GetSuspended(), entry: timeline.Entry{Action: timeline.Resuming, Message: "Start asked for"}}
		if !e.nothing {
			e.kind = typev1.OperationMetadata_RESUME
		}
		return e, nil
	})
}

// Retry tries the present wish again, as a new generation; of one that is done
// nothing changes.
func (t *Tenants) Retry(ctx context.Context, name names.Tenant, etag string) (Change, error) {
	return t.mutate(ctx, name, etag, false, func(v View, _ *registryv1.Tenant) (edit, error) {
		return edit{nothing: v.Done(), entry: timeline.Entry{Action: timeline.Retried, Message: "Another try asked for"}}, nil
	})
}

// Undelete brings a deleted tenant back to where it was, running or suspended.
// ErrNotFound, ErrAlive, ErrPurging, ErrEtag.
func (t *Tenants) Undelete(ctx context.Context, name names.Tenant, etag string) (Change, error) {
	return t.mutate(ctx, name, etag, false, func(v View, next *registryv1.Tenant) (edit, error) {
		switch {
		case v.Spec().GetDeleteTime() == nil:
			return edit{}, ErrAlive.Naming("tenant", name.String())
		case v.Spec().GetPurging():
			return edit{}, ErrPurging.Naming("tenant", name.String())
		}
		next.DeleteTime, next.PurgeTime = nil, nil
		e := edit{entry: timeline.Entry{Action: timeline.Undeleting, Message: "Deletion taken back"}}
		if v.lived() && !next.GetSuspended() {
			e.kind = typev1.OperationMetadata_RESUME
		}
		return e, nil
	})
}

func refuseDeleted(v View) error {
	if v.Spec().GetDeleteTime() != nil {
		return ErrDeleted.Naming("tenant", v.Spec().GetName())
	}
	return nil
}
