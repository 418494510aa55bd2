package engine

import (
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// TestARestoreThatHasNotBegunTouchedNothing: that customers are kept out is another
// operation's doing, and nothing is to be brought back for it.
func TestARestoreThatHasNotBegunTouchedNothing(t *testing.T) {
	for name, c := range map[string]struct {
		steps []*typev1.Step
		want  bool
	}{
		"it waits":    {nil, false},
		"it is to be": {[]*typev1.Step{{Id: closeID}}, false},
		"it closed":   {[]*typev1.Step{{Id: closeID, StartTime: timestamppb.Now()}}, true},
	} {
		op := &pb.OperationRecord{Name: "operations/acme.restore-1", Metadata: &typev1.OperationMetadata{Steps: c.steps}}
		r := (&Engine{}).imagine(Question{
			Tenant: &registryv1.Tenant{Name: "tenants/acme"}, Stamp: &pb.Stamp{Revision: rev1, Closed: true}, Open: true, Operation: op,
		})
		k := restoreErrand{work: &pb.Errand_RestoreBackup{Backup: "tenants/acme/backups/b-1"}}
		if got := k.turn(r, &typev1.Failure{}); got != c.want {
			t.Errorf("%s: turns %v, want %v", name, got, c.want)
		}
	}
}
