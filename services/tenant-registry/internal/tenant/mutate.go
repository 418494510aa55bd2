package tenant

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/telemetry"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/tenant-registry/internal/names"
	"stampworks.dev/services/tenant-registry/internal/timeline"
)

// edit is what a verb does to a spec.
type edit struct {
	// nothing says that the wish is as asked already.
	nothing bool
	// quiet says that the stamp is not concerned: no new generation.
	quiet bool
	// entry for the timeline.
	entry timeline.Entry
	// kind of the operation, where it does not follow from the spec.
	kind typev1.OperationMetadata_Kind
}

// mutate is the one read-modify-write of a wish. With an etag, it must be the
// present one. work edits a copy of the spec; it may be called several times.
func (t *Tenants) mutate(ctx context.Context, name names.Tenant, etag string, dryRun bool, work func(View, *registryv1.Tenant) (edit, error)) (Change, error) {
	for {
		before, err := t.Get(ctx, name)
		if err != nil {
			return Change{}, err
		}
		if etag != "" && etag != before.Etag() {
			return Change{}, ErrEtag.Naming("tenant", name.String()).With("etag", before.Etag())
		}
		next := clone(before.Spec())
		e, err := work(before, next)
		if err != nil {
			return Change{}, err
		}
		if e.nothing {
			return changeOf(before, e, dryRun), nil
		}
		t.stampTimes(ctx, next, e)
		after := View{spec: record{Value: next, Key: before.spec.Key, ModRevision: before.spec.ModRevision}, status: before.status}
		if dryRun {
			return changeOf(after, e, true), nil
		}
		written, err := t.replace(ctx, name, before, &after, e)
		if err != nil {
			return Change{}, err
		}
		if written {
			return changeOf(after, e, false), nil
		}
	}
}

// stampTimes counts the change.
func (t *Tenants) stampTimes(ctx context.Context, next *registryv1.Tenant, e edit) {
	now := timestamppb.New(time.Now())
	next.UpdateTime = now
	if !e.quiet {
		next.Generation++
		next.GenerationTime = now
		next.Traceparent = telemetry.Traceparent(ctx)
	}
}

// replace writes the spec if nobody did meanwhile.
func (t *Tenants) replace(ctx context.Context, name names.Tenant, before View, after *View, e edit) (bool, error) {
	e.entry.Generation = after.Spec().GetGeneration()
	res, err := t.backend.Txn(ctx,
		[]store.Cond{store.ModRevisionIs(before.spec.Key, before.spec.ModRevision)},
		[]store.Op{
			t.records.PutOp(name.ID+specPart, after.Spec()),
			t.timeline.Op(ctx, name, after.Spec().GetUpdateTime().AsTime(), e.entry),
		})
	if err != nil {
		return false, fmt.Errorf("change tenant %q: %w", name.ID, err)
	}
	after.spec.ModRevision = res.Revision
	return res.Succeeded, nil
}

func changeOf(v View, e edit, dryRun bool) Change {
	kind := e.kind
	if kind == typev1.OperationMetadata_KIND_UNSPECIFIED {
		kind = v.kindOf()
	}
	return Change{Tenant: v.Message(), Kind: kind, Done: v.Done(), DryRun: dryRun}
}
