package record

import (
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

func TestNeededBy(t *testing.T) {
	b := &pb.Backup{Name: "tenants/acme/backups/upgrade-3", CreateTime: timestamppb.Now()}
	upgrade := func(u *pb.Upgrade) *pb.Stamp { u.Backup = "upgrade-3"; return &pb.Stamp{Upgrade: u} }
	restore := func(state typev1.OperationMetadata_State, backup, safety string) []*pb.OperationRecord {
		return []*pb.OperationRecord{{
			Name: "operations/acme.restore-1", Metadata: &typev1.OperationMetadata{State: state},
			Errand: &pb.Errand{Work: &pb.Errand_RestoreBackup_{RestoreBackup: &pb.Errand_RestoreBackup{Backup: backup, SafetyBackup: safety}}},
		}}
	}
	verify := func(state typev1.OperationMetadata_State) []*pb.OperationRecord {
		return []*pb.OperationRecord{{
			Name: "operations/acme.verify-1", Metadata: &typev1.OperationMetadata{State: state},
			Errand: &pb.Errand{Work: &pb.Errand_VerifyBackup_{VerifyBackup: &pb.Errand_VerifyBackup{Backup: b.GetName()}}},
		}}
	}
	begins := func(with string, change func(*registryv1.Tenant)) []*registryv1.Tenant {
		n := &registryv1.Tenant{Name: "tenants/new", RestoreFrom: with, Status: &registryv1.TenantStatus{}}
		change(n)
		return []*registryv1.Tenant{n}
	}
	still := func(*registryv1.Tenant) {}
	for _, c := range []struct {
		what    string
		have    *pb.Stamp
		ops     []*pb.OperationRecord
		tenants []*registryv1.Tenant
		want    string
	}{
		{what: "nothing"},
		{what: "an upgrade under way", have: upgrade(&pb.Upgrade{}), want: "the upgrade of acme: wait until that has ended"},
		{what: "one that goes back", have: upgrade(&pb.Upgrade{Failure: &typev1.Failure{}, Restoring: true}), want: "the upgrade of acme: wait until that has ended"},
		{what: "one that went back", have: upgrade(&pb.Upgrade{Failure: &typev1.Failure{}})},
		{what: "another's", have: &pb.Stamp{Upgrade: &pb.Upgrade{Backup: "upgrade-2"}}},
		{what: "data that is half of two", have: &pb.Stamp{WholeBackup: "upgrade-3"}, want: "the data of acme, which is half brought back: restore a backup, or retry acme, first"},
		{what: "another half", have: &pb.Stamp{WholeBackup: "before-restore-1"}},
		{what: "a restore", ops: restore(typev1.OperationMetadata_QUEUED, b.GetName(), "before-restore-1"), want: "operations/acme.restore-1: wait until that has ended"},
		{what: "its safety", ops: restore(typev1.OperationMetadata_RUNNING, "tenants/acme/backups/backup-1", "upgrade-3"), want: "operations/acme.restore-1: wait until that has ended"},
		{what: "one that has ended", ops: restore(typev1.OperationMetadata_FAILED, b.GetName(), "before-restore-1")},
		{what: "a trial", ops: verify(typev1.OperationMetadata_QUEUED), want: "operations/acme.verify-1: wait until that has ended"},
		{what: "a trial that has ended", ops: verify(typev1.OperationMetadata_SUCCEEDED)},
		{what: "a new tenant", tenants: begins(b.GetName(), still), want: "the new tenant new: wait until that has ended"},
		{what: "one that failed", tenants: begins(b.GetName(), func(n *registryv1.Tenant) {
			n.Generation, n.Status.ObservedGeneration, n.Status.Phase = 2, 2, registryv1.TenantStatus_GAVE_UP
		}), want: "the new tenant new, which failed: retry or delete new"},
		{what: "one that is tried again", tenants: begins(b.GetName(), func(n *registryv1.Tenant) {
			n.Generation, n.Status.ObservedGeneration, n.Status.Phase = 3, 2, registryv1.TenantStatus_GAVE_UP
		}), want: "the new tenant new: wait until that has ended"},
		{what: "one that began with another", tenants: begins("tenants/acme/backups/backup-1", still)},
		{what: "one that runs", tenants: begins(b.GetName(), func(n *registryv1.Tenant) { n.Status.Revision = "blueprints/desk/revisions/1.0.0" })},
		{what: "one that was deleted", tenants: begins(b.GetName(), func(n *registryv1.Tenant) { n.DeleteTime = timestamppb.Now() })},
	} {
		if got := NeededBy(b, c.have, c.ops, c.tenants); got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, got, c.want)
		}
	}
	b.CreateTime = nil
	if got := NeededBy(b, nil, nil, begins(b.GetName(), still)); got != "" {
		t.Errorf("one that is unfinished is needed by %s", got)
	}
	if got := NeededBy(b, upgrade(&pb.Upgrade{}), nil, nil); got == "" {
		t.Error("one that an upgrade makes is needed by nothing")
	}
}
