package server

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// asked is an operation that was asked for at a second; a name such as backup-1 is
// of work without a generation.
func asked(name string, kind typev1.OperationMetadata_Kind, state typev1.OperationMetadata_State, second int64) *pb.OperationRecord {
	tenant, word, _ := strings.Cut(name, ".")
	op := &pb.OperationRecord{Name: "operations/" + name, Metadata: &typev1.OperationMetadata{
		Tenant: "tenants/" + tenant, Kind: kind, State: state, CreateTime: timestamppb.New(time.Unix(second, 0)),
	}}
	if strings.Contains(word, "-") {
		op.Errand = &pb.Errand{}
	}
	return op
}

func TestWhatAnOperationComesAfter(t *testing.T) {
	const (
		queued, running, retrying, done = typev1.OperationMetadata_QUEUED, typev1.OperationMetadata_RUNNING, typev1.OperationMetadata_RETRYING, typev1.OperationMetadata_SUCCEEDED
		backup, update, verify          = typev1.OperationMetadata_BACKUP, typev1.OperationMetadata_UPDATE, typev1.OperationMetadata_VERIFY
	)
	waits := asked("acme.2", update, queued, 10)
	waits.Metadata.Obstacles = []*typev1.Obstacle{{Code: "HELD", Message: "Held by dana."}}
	again := asked("acme.2", update, retrying, 10)
	again.Metadata.Failure = &typev1.Failure{Message: "db never answered."}
	shows := asked("acme.backup-1", backup, queued, 5)
	shows.Metadata.Obstacles = waits.GetMetadata().GetObstacles()
	mine := asked("acme.backup-1", backup, queued, 5)
	for _, tc := range []struct {
		why  string
		op   *pb.OperationRecord
		open []*pb.OperationRecord
		want string
	}{
		{"nothing else is to do", mine, []*pb.OperationRecord{mine, asked("acme.1", update, done, 1), asked("globex.2", update, running, 1)}, ""},
		{"a generation that waits comes first, however late, with what it waits for", mine, []*pb.OperationRecord{mine, waits},
			"It comes after the operation acme.2 (UPDATE, QUEUED).|Held by dana."},
		{"one that is tried again", mine, []*pb.OperationRecord{again},
			"It comes after the operation acme.2 (UPDATE, RETRYING). It is tried again: db never answered."},
		{"the generation, not the backup before", mine, []*pb.OperationRecord{asked("acme.backup-0", backup, queued, 1), waits},
			"It comes after the operation acme.2 (UPDATE, QUEUED).|Held by dana."},
		{"the oldest of others", mine, []*pb.OperationRecord{asked("acme.task-9", backup, queued, 9), asked("acme.task-2", backup, queued, 2), asked("acme.task-1", backup, queued, 1)},
			"It comes after the operation acme.task-1 (BACKUP, QUEUED)."},
		{"what runs holds up a generation, too", asked("acme.2", update, queued, 10), []*pb.OperationRecord{asked("acme.backup-1", backup, running, 5)},
			"It comes after the operation acme.backup-1 (BACKUP, RUNNING)."},
		{"what waits does not", asked("acme.2", update, queued, 10), []*pb.OperationRecord{mine}, ""},
		{"a trial is in a stamp of its own", mine, []*pb.OperationRecord{asked("acme.verify-1", verify, running, 1)}, ""},
		{"it says already what it waits for", shows, []*pb.OperationRecord{again}, "Held by dana."},
	} {
		var told []string
		for _, o := range behind(tc.op, tc.open).GetMetadata().GetObstacles() {
			told = append(told, o.GetMessage())
		}
		if got := strings.Join(told, "|"); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
		}
	}
	if len(mine.GetMetadata().GetObstacles()) > 0 {
		t.Error("the record itself was changed")
	}
}
