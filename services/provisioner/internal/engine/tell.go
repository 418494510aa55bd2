package engine

import (
	"cmp"
	"context"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// tellAsked puts into the tenant's timeline what somebody asked of its stamp. It
// is told again with every attempt: that makes no second entry.
func (r *run) tellAsked() {
	if told(r.errand()) {
		r.Reporter.Tell(r.event("asked", r.kind().traits().asked, r.book.Op.GetMetadata().GetCreateTime()))
	}
}

// tellEnded does the same with what came of it. It waits a moment until that is
// heard, before the operation is shown as ended; a crash tells it again.
func (r *run) tellEnded(ctx context.Context, state typev1.OperationMetadata_State) {
	if !told(r.errand()) {
		return
	}
	op := r.book.Op.GetMetadata()
	said := r.kind().traits().succeeded
	if state != typev1.OperationMetadata_SUCCEEDED {
		said = cmp.Or(op.GetFailure().GetMessage(), said)
	}
	heard := r.Reporter.Tell(r.event(strings.ToLower(state.String()), said, timestamppb.Now()))
	late := time.NewTimer(reportWithin)
	defer late.Stop()
	select {
	case <-heard:
	case <-late.C:
	case <-ctx.Done():
	}
}

// told says whether the timeline hears of an errand: of those that somebody
// asked for. What the schedule does every hour is in the operations.
func told(e *pb.Errand) bool {
	return e != nil && e.GetPrincipal() != "" && e.GetPrincipal() != scheduler
}

func (r *run) event(what, message string, at *timestamppb.Timestamp) *registryv1.ReportEventRequest {
	op := r.book.Op
	return &registryv1.ReportEventRequest{
		Name: op.GetMetadata().GetTenant(), Uid: op.GetTenantUid(), Operation: op.GetName(),
		Entry: &registryv1.TimelineEntry{
			CreateTime: at, Principal: op.GetErrand().GetPrincipal(), Message: message,
			Action: strings.ToLower(op.GetMetadata().GetKind().String()) + "." + what, TraceId: op.GetMetadata().GetTraceId(),
		},
	}
}
