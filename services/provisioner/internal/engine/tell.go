package engine

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/record"
)

// tellAsked puts into the tenant's timeline what somebody asked of its stamp. It
// is told again with every attempt: that makes no second entry.
func (r *run) tellAsked() {
	if e := r.errand(); told(e) {
		asked, _ := errandWords(r.book.Op)
		r.Reporter.Tell(r.event("asked", asked, r.book.Op.GetMetadata().GetCreateTime()))
	}
}

// tellEnded does the same with what came of it. It waits a moment until that is
// heard, before the operation is shown as ended; a crash tells it again.
func (r *run) tellEnded(ctx context.Context, state typev1.OperationMetadata_State) {
	if !told(r.errand()) {
		return
	}
	op := r.book.Op.GetMetadata()
	_, said := errandWords(r.book.Op)
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
		Name: record.TenantName(r.id), Uid: r.tenant.GetUid(), Operation: op.GetName(),
		Entry: &registryv1.TimelineEntry{
			CreateTime: at, Principal: op.GetErrand().GetPrincipal(), Message: message,
			Action: strings.ToLower(op.GetMetadata().GetKind().String()) + "." + what, TraceId: op.GetMetadata().GetTraceId(),
		},
	}
}

// errandWords say an errand, and that it succeeded, in one sentence each.
func errandWords(op *pb.OperationRecord) (asked, succeeded string) {
	e := op.GetErrand()
	switch {
	case e.GetMakeBackup() != nil:
		return "A backup was asked for", "The backup " + e.GetMakeBackup().GetBackup() + " is kept"
	case e.GetRestoreBackup() != nil:
		b := path.Base(e.GetRestoreBackup().GetBackup())
		return "The data of " + b + " is to be brought back", "The data of " + b + " is back"
	case e.GetRotateSecret() != nil:
		s := e.GetRotateSecret().GetSecret()
		return "A new value of the secret " + s + " was asked for", "The secret " + s + " has a new value"
	case e.GetRepairStamp() != nil:
		what := cmp.Or(e.GetRepairStamp().GetComponent(), "everything")
		asked = "A restart of " + what + " was asked for"
		if why := e.GetRepairStamp().GetReason(); why != "" {
			asked += ": " + why
		}
		return asked, "Restarted " + what + ", and it serves"
	}
	t := e.GetRunTask()
	return "The task " + t.GetTask() + " was asked for", fmt.Sprintf("The task %s ended with exit code %d", t.GetTask(), t.GetResult().GetExitCode())
}
