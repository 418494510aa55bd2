package engine

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/report"
)

// reportWithin is how long an operation waits for the registry to hear of its
// end; the report goes on afterwards. A purge waits until it is heard: only
// then may the record go.
const reportWithin = 5 * time.Second

func (r *run) report() func(context.Context) result {
	purge := r.wish.Lifecycle == pb.Stamp_DESTROYED
	st := r.status()
	return func(ctx context.Context) result {
		st.TraceId = traceID(ctx)
		accepted := r.Reporter.Report(r.id, r.tenant.GetUid(), st)
		var late <-chan time.Time
		if !purge {
			timer := time.NewTimer(reportWithin)
			defer timer.Stop()
			late = timer.C
		}
		said := "the registry knows"
		select {
		case <-accepted:
		case <-late:
			said = "the registry is away; it is told when it is back"
		case <-ctx.Done():
			return result{err: ctx.Err()}
		}
		return result{message: said, apply: func(r *run) error { r.seen.Reported = true; return nil }}
	}
}

// tell hands in the status as it is, unless the registry has it already.
func (r *run) tell(ctx context.Context) {
	if r.trial() {
		return
	}
	st := r.status()
	st.TraceId = traceID(ctx)
	if known := r.tenant.GetStatus(); known != nil && report.Same(known, st) {
		return
	}
	r.Reporter.Report(r.id, r.tenant.GetUid(), st)
}

// status is what the registry is told.
func (r *run) status() *registryv1.TenantStatus {
	s := r.book.Stamp
	st := &registryv1.TenantStatus{
		ObservedGeneration: r.wish.Generation, Url: s.GetUrl(), Cell: s.GetCell(), Revision: s.GetRevision(),
		Failure: s.GetFailure(), Obstacles: s.GetObstacles(), UpdateTime: timestamppb.Now(), Phase: r.phase(),
		Token: r.book.Token(), StampRevision: r.book.Revision(), Receipt: r.receipt(),
	}
	return st
}

func (r *run) phase() registryv1.TenantStatus_Phase {
	switch {
	case r.goesBack() && settled(r.wish, r.book.Stamp):
		return registryv1.TenantStatus_ROLLED_BACK
	case r.ended != nil && r.ended.GetState() != typev1.OperationMetadata_SUCCEEDED:
		return registryv1.TenantStatus_GAVE_UP
	case !settled(r.wish, r.book.Stamp):
		return registryv1.TenantStatus_IN_PROGRESS
	case r.wish.Lifecycle == pb.Stamp_RUNNING && halfRestored(r.book.Stamp):
		return registryv1.TenantStatus_GAVE_UP
	case r.wish.Lifecycle == pb.Stamp_DESTROYED:
		return registryv1.TenantStatus_PURGED
	}
	return registryv1.TenantStatus_DONE
}
