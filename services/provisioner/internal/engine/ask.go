package engine

import (
	"fmt"
	"path"

	"github.com/Masterminds/semver/v3"

	"stampworks.dev/pkg/blueprint"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/render"
)

// AskBackup asks for a backup of a stamp.
func AskBackup(stamp *pb.Stamp, why pb.Backup_Reason) record.Errand {
	tenant := record.TenantID(stamp.GetName())
	return record.Errand{
		Tenant: tenant, UID: stamp.GetTenantUid(), Kind: typev1.OperationMetadata_BACKUP, Word: "backup",
		Work: func(n int) (*pb.Errand, *typev1.OperationMetadata) {
			id := fmt.Sprintf("backup-%d", n)
			work := &pb.Errand_MakeBackup_{MakeBackup: &pb.Errand_MakeBackup{Backup: id, Reason: why}}
			return &pb.Errand{Work: work}, &typev1.OperationMetadata{Backup: record.BackupName(tenant, id)}
		},
	}
}

// AskRestore asks to bring a backup back into the stamp of its tenant.
func AskRestore(stamp *pb.Stamp, b *pb.Backup) record.Errand {
	return record.Errand{
		Tenant: record.TenantID(stamp.GetName()), UID: stamp.GetTenantUid(), Kind: typev1.OperationMetadata_RESTORE, Word: "restore", Backup: b.GetName(),
		Work: func(n int) (*pb.Errand, *typev1.OperationMetadata) {
			work := &pb.Errand_RestoreBackup_{RestoreBackup: &pb.Errand_RestoreBackup{
				Backup: b.GetName(), SafetyBackup: fmt.Sprintf("before-restore-%d", n),
			}}
			return &pb.Errand{Work: work}, &typev1.OperationMetadata{Backup: b.GetName()}
		},
		Same: func(op *pb.OperationRecord) bool { return op.GetMetadata().GetBackup() == b.GetName() },
	}
}

// AskVerify asks to try a backup in a throw-away stamp that is made as the stamp of
// its tenant was.
func AskVerify(stamp *pb.Stamp, t *registryv1.Tenant, b *pb.Backup) record.Errand {
	return record.Errand{
		Tenant: record.TenantID(stamp.GetName()), UID: stamp.GetTenantUid(), Kind: typev1.OperationMetadata_VERIFY, Word: "verify", Backup: b.GetName(),
		Work: func(int) (*pb.Errand, *typev1.OperationMetadata) {
			work := &pb.Errand_VerifyBackup_{VerifyBackup: &pb.Errand_VerifyBackup{
				Backup: b.GetName(), Cell: b.GetCell(), Spec: settledSpec(t, stamp), DisplayName: t.GetDisplayName(), Region: t.GetRegion(),
			}}
			return &pb.Errand{Work: work}, &typev1.OperationMetadata{Backup: b.GetName()}
		},
		Same: func(op *pb.OperationRecord) bool { return op.GetMetadata().GetBackup() == b.GetName() },
	}
}

// HasJob says whether a component of what runs has a job, by its name and its
// form in the ledger.
func HasJob(stamp *pb.Stamp, has func(component string, c blueprint.Component) bool) bool {
	for _, e := range stamp.GetLedger() {
		if e.GetKind() != kindComponent {
			continue
		}
		if form, err := render.KeptForm(e, nil); err == nil && has(e.GetName(), form.Component) {
			return true
		}
	}
	return false
}

// Newer says whether a revision is newer than another of the same blueprint. Both are full names.
func Newer(revision, than string) (newer, same bool) {
	if path.Dir(revision) != path.Dir(than) {
		return false, false
	}
	a, err := semver.NewVersion(short(revision))
	b, errThan := semver.NewVersion(short(than))
	if err != nil || errThan != nil {
		return false, false
	}
	return a.GreaterThan(b), true
}
