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
	// conds and ops ride along in the transaction; when a condition does not
	// hold, work is called again.
	conds []store.Cond
	ops   []store.Op
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
			return t.foreseen(ctx, before, changeOf(before, dryRun))
		}
		t.count(ctx, before, next, e)
		after := View{spec: record{Value: next, Key: before.spec.Key, ModRevision: before.spec.ModRevision}, status: before.status}
		if dryRun {
			return t.foreseen(ctx, before, changeOf(after, true))
		}
		written, err := t.replace(ctx, name, before, &after, e)
		if err != nil {
			return Change{}, err
		}
		if written {
			return changeOf(after, false), nil
		}
	}
}

// count notes when the wish changed and, unless the stamp is not concerned, that
// there is a new generation and what its operation does.
func (t *Tenants) count(ctx context.Context, before View, next *registryv1.Tenant, e edit) {
	now := timestamppb.New(time.Now())
	next.UpdateTime = now
	if e.quiet {
		return
	}
	next.Generation++
	next.GenerationTime = now
	next.Traceparent = telemetry.Traceparent(ctx)
	if next.GenerationKind = e.kind; e.kind == typev1.OperationMetadata_KIND_UNSPECIFIED {
		next.GenerationKind = View{spec: record{Value: next}, status: before.status}.kindOf()
	}
}

// replace writes the spec if nobody did meanwhile.
func (t *Tenants) replace(ctx context.Context, name names.Tenant, before View, after *View, e edit) (bool, error) {
	e.entry.Generation = after.Spec().GetGeneration()
	res, err := t.backend.Txn(ctx,
		append([]store.Cond{store.ModRevisionIs(before.spec.Key, before.spec.ModRevision)}, e.conds...),
		append([]store.Op{
			t.records.PutOp(name.ID+specPart, after.Spec()),
			t.timeline.Op(ctx, name, after.Spec().GetUpdateTime().AsTime(), e.entry),
		}, e.ops...))
	if err != nil {
		return false, fmt.Errorf("change tenant %q: %w", name.ID, err)
	}
	after.spec.ModRevision = res.Revision
	return res.Succeeded, nil
}

func changeOf(v View, dryRun bool) Change {
	kind := v.Spec().GetGenerationKind()
	if kind == typev1.OperationMetadata_KIND_UNSPECIFIED {
		kind = v.kindOf()
	}
	return Change{Tenant: v.Message(), Kind: kind, Done: v.Done(), Ended: v.ended(), DryRun: dryRun}
}
