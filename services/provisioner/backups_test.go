package provisioner_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver/memory"
	"stampworks.dev/services/provisioner/internal/record"
)

const vault = `
blueprint: vault
revision: 1.0.0
artifacts:
  vault: {file: /opt/vault, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
plans:
  standard: {resources: {default: {cpu: 10m, memory: 16Mi, volumes: {data: 1Gi}}}}
components:
  db:
    artifact: vault
    volumes: [data]
    run: vault db
    backup: vault copy ${volumes.data} ${backup}
    restore: {exec: "vault copy ${backup} ${volumes.data}", stopped: true}
`

// strongroom is a plant with a customer whose data is on a disk.
type strongroom struct {
	*plant
	disk    *memory.Disk
	cell    *memory.Driver
	conn    *grpc.ClientConn
	backups pb.BackupServiceClient
}

const tickets = "/memory/acme/components/db/volumes/data/tickets"

func newStrongroom(t *testing.T) *strongroom {
	t.Helper()
	s := &strongroom{plant: newPlant(t), disk: &memory.Disk{}}
	s.revision = s.registry.Publish(t, vault)
	s.cell = memory.New(memory.Config{Disk: s.disk, Job: s.disk.Job})
	s.conn = s.start("one", memory.Watched{Driver: s.cell})
	s.backups = pb.NewBackupServiceClient(s.conn)
	s.create("acme")
	s.wait("operations/acme.1")
	s.disk.Put(tickets, "one")
	return s
}

// wait gives the operation once it has ended well.
func (s *strongroom) wait(name string) *longrunningpb.Operation {
	s.t.Helper()
	op, err := longrunningpb.NewOperationsClient(s.conn).WaitOperation(s.ctx(), &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(soon)})
	if err != nil || op.GetResponse() == nil {
		s.t.Fatalf("wait for %s: %v, %v", name, op, err)
	}
	return op
}

// backup is the response of an operation.
func (s *strongroom) backup(op *longrunningpb.Operation) *pb.Backup {
	s.t.Helper()
	b := &pb.Backup{}
	if err := s.wait(op.GetName()).GetResponse().UnmarshalTo(b); err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *strongroom) list(parent string) []string {
	s.t.Helper()
	var names []string
	for token := ""; ; {
		page, err := s.backups.ListBackups(s.ctx(), &pb.ListBackupsRequest{Parent: parent, PageSize: 1, PageToken: token})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, b := range page.GetBackups() {
			names = append(names, strings.TrimPrefix(b.GetName(), "tenants/acme/backups/"))
		}
		if token = page.GetNextPageToken(); token == "" {
			return names
		}
	}
}

func TestBackupAndRestore(t *testing.T) {
	s := newStrongroom(t)
	ask := &pb.CreateBackupRequest{Parent: "tenants/acme", RequestId: "nightly"}
	op, err := s.backups.CreateBackup(s.ctx(), ask)
	if err != nil || op.GetName() != "operations/acme.backup-1" {
		t.Fatalf("create: %v, %v", op, err)
	}
	var m typev1.OperationMetadata
	if err := op.GetMetadata().UnmarshalTo(&m); err != nil || m.GetBackup() != "tenants/acme/backups/backup-1" || m.GetKind() != typev1.OperationMetadata_BACKUP {
		t.Errorf("metadata %v, %v", &m, err)
	}
	b := s.backup(op)
	if b.GetName() != "tenants/acme/backups/backup-1" || b.GetReason() != pb.Backup_ON_DEMAND || b.GetRevision() != s.revision ||
		b.GetSizeBytes() != 3 || b.GetFiles() != 1 || !strings.HasPrefix(b.GetDigest(), "sha256:") || b.GetCell() != "cells/one" {
		t.Errorf("backup %v", b)
	}
	if again, err := s.backups.CreateBackup(s.ctx(), ask); err != nil || again.GetName() != op.GetName() || !again.GetDone() {
		t.Errorf("the same request: %v, %v", again, err)
	}

	s.disk.Put(tickets, "two")
	restore, err := s.backups.RestoreBackup(s.ctx(), &pb.RestoreBackupRequest{Name: b.GetName()})
	if err != nil || restore.GetName() != "operations/acme.restore-1" {
		t.Fatalf("restore: %v, %v", restore, err)
	}
	if got := s.backup(restore); got.GetName() != b.GetName() {
		t.Errorf("response %v, want the backup that was brought back", got)
	}
	if text, _ := s.disk.Get(tickets); text != "one" {
		t.Errorf("restored %q, want one", text)
	}
	s.listsAndDeletes(b)
}

// TestVerifyBackup: what came of it is on the backup.
func TestVerifyBackup(t *testing.T) {
	s := newStrongroom(t)
	op, err := s.backups.CreateBackup(s.ctx(), &pb.CreateBackupRequest{Parent: "tenants/acme"})
	if err != nil {
		t.Fatal(err)
	}
	b := s.backup(op)
	s.disk.Put(tickets, "two")
	ask := &pb.VerifyBackupRequest{Name: b.GetName(), RequestId: "weekly"}
	verify, err := s.backups.VerifyBackup(s.ctx(), ask)
	if err != nil || verify.GetName() != "operations/acme.verify-1" {
		t.Fatalf("verify: %v, %v", verify, err)
	}
	if got := s.backup(verify); got.GetName() != b.GetName() || got.GetVerifyTime() == nil || got.GetVerifyFailure() != nil {
		t.Errorf("response %v, want the backup and that it passed", got)
	}
	if again, err := s.backups.VerifyBackup(s.ctx(), ask); err != nil || again.GetName() != verify.GetName() {
		t.Errorf("the same request: %v, %v", again, err)
	}
	if text, _ := s.disk.Get(tickets); text != "two" {
		t.Errorf("the tenant has %q, want its own two", text)
	}
}

// listsAndDeletes goes on with two backups.
func (s *strongroom) listsAndDeletes(b *pb.Backup) {
	s.t.Helper()
	if got := s.list("tenants/acme"); !slices.Equal(got, []string{"before-restore-1", "backup-1"}) {
		s.t.Errorf("list %v, want the newest first", got)
	}
	if got := s.list("tenants/-"); !slices.Equal(got, []string{"backup-1", "before-restore-1"}) {
		s.t.Errorf("list of all %v, want them by name", got)
	}
	list, err := longrunningpb.NewOperationsClient(s.conn).ListOperations(s.ctx(), &longrunningpb.ListOperationsRequest{Filter: `metadata.tenant="tenants/acme"`})
	if err != nil || len(list.GetOperations()) != 3 {
		s.t.Errorf("operations %v, %v", list, err)
	}
	if _, err := s.backups.DeleteBackup(s.ctx(), &pb.DeleteBackupRequest{Name: b.GetName()}); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.backups.GetBackup(s.ctx(), &pb.GetBackupRequest{Name: b.GetName()}); !errs.Is(err, errs.NotFound) {
		s.t.Errorf("a deleted backup: %v", err)
	}
	if got := s.backup(&longrunningpb.Operation{Name: "operations/acme.backup-1"}); got.GetName() != b.GetName() {
		s.t.Errorf("the operation of a deleted backup answers %v", got)
	}
}

func TestBackupsRefused(t *testing.T) {
	s := newStrongroom(t)
	op, err := s.backups.CreateBackup(s.ctx(), &pb.CreateBackupRequest{Parent: "tenants/acme"})
	if err != nil {
		t.Fatal(err)
	}
	good := s.backup(op)
	s.plant.revision = s.registry.Publish(t, tiny)
	s.create("tiny")
	s.wait("operations/tiny.1")
	s.create("paused")
	s.wait("operations/paused.1")
	s.registry.Wish("paused", func(t *registryv1.Tenant) { t.Suspended = true })
	s.wait("operations/paused.2")
	s.keep("newer", good, func(b *pb.Backup) { b.Revision = "blueprints/vault/revisions/2.0.0" })
	s.keep("other", good, func(b *pb.Backup) { b.Revision = "blueprints/desk/revisions/1.0.0" })
	s.keep("elsewhere", good, func(b *pb.Backup) { b.Cell = "cells/two" })
	s.keep("strange", good, func(b *pb.Backup) { b.Components = []string{"queue"} })
	s.keep("before", good, func(b *pb.Backup) { b.TenantUid = "uid-before" })
	s.keep("made", good, func(b *pb.Backup) { b.CreateTime = nil })
	s.keep("needed", good, nil)
	s.registry.Wish("next", func(n *registryv1.Tenant) {
		n.Blueprint, n.Plan, n.RestoreFrom, n.Suspended = good.GetRevision(), "standard", "tenants/acme/backups/needed", true
	})
	s.wait("operations/next.1")
	create := func(parent string) error {
		_, err := s.backups.CreateBackup(s.ctx(), &pb.CreateBackupRequest{Parent: parent})
		return err
	}
	restore := func(id string) error {
		_, err := s.backups.RestoreBackup(s.ctx(), &pb.RestoreBackupRequest{Name: "tenants/acme/backups/" + id})
		return err
	}
	verify := func(id string) error {
		_, err := s.backups.VerifyBackup(s.ctx(), &pb.VerifyBackupRequest{Name: "tenants/acme/backups/" + id})
		return err
	}
	remove := func(id string) error {
		_, err := s.backups.DeleteBackup(s.ctx(), &pb.DeleteBackupRequest{Name: "tenants/acme/backups/" + id})
		return err
	}
	for _, c := range []struct {
		what   string
		err    error
		kind   errs.Kind
		reason string
	}{
		{"of nobody", create("tenants/nobody"), errs.NotFound, "STAMP_NOT_FOUND"},
		{"without a job", create("tenants/tiny"), errs.FailedPrecondition, "BACKUP_JOB_MISSING"},
		{"of what does not run", create("tenants/paused"), errs.FailedPrecondition, "STAMP_NOT_RUNNING"},
		{"no name", create("acme"), errs.InvalidArgument, "NAME_INVALID"},
		{"restore nothing", restore("backup-9"), errs.NotFound, "BACKUP_NOT_FOUND"},
		{"restore what is being made", restore("made"), errs.NotFound, "BACKUP_NOT_FOUND"},
		{"restore a newer one", restore("newer"), errs.FailedPrecondition, "BACKUP_NEWER"},
		{"restore another product's", restore("other"), errs.FailedPrecondition, "BACKUP_OF_OTHER_BLUEPRINT"},
		{"restore from another cell", restore("elsewhere"), errs.FailedPrecondition, "BACKUP_ELSEWHERE"},
		{"restore what no job takes", restore("strange"), errs.FailedPrecondition, "RESTORE_JOB_MISSING"},
		{"restore a predecessor's", restore("before"), errs.FailedPrecondition, "BACKUP_OF_OTHER"},
		{"try nothing", verify("backup-9"), errs.NotFound, "BACKUP_NOT_FOUND"},
		{"try what no job takes", verify("strange"), errs.FailedPrecondition, "RESTORE_JOB_MISSING"},
		{"delete what a new tenant needs", remove("needed"), errs.FailedPrecondition, "BACKUP_NEEDED"},
		{"delete where nobody reaches", remove("elsewhere"), errs.Unavailable, "CELL_UNREACHABLE"},
		{"delete nothing", remove("backup-9"), errs.NotFound, "BACKUP_NOT_FOUND"},
	} {
		if !errs.Is(c.err, c.kind) || errs.ReasonOf(c.err) != c.reason {
			t.Errorf("%s: %v (%s), want %s %s", c.what, c.err, errs.ReasonOf(c.err), c.kind, c.reason)
		}
	}
}

// TestDataOutOfReachIsRefused: what is asked for then would wait for nobody knows
// how long. A backup can be tried all the same.
func TestDataOutOfReachIsRefused(t *testing.T) {
	s := newStrongroom(t)
	op, err := s.backups.CreateBackup(s.ctx(), &pb.CreateBackupRequest{Parent: "tenants/acme"})
	if err != nil {
		t.Fatal(err)
	}
	b := s.backup(op)
	s.cell.Lose("uid-acme", "db", "data")
	testkit.Eventually(t, soon, func() error {
		stamp, err := pb.NewStampServiceClient(s.conn).GetStamp(s.ctx(), &pb.GetStampRequest{Name: "tenants/acme/stamp"})
		if err == nil && len(stamp.GetObstacles()) == 0 {
			err = errors.New("no obstacle")
		}
		return err
	})
	_, backup := s.backups.CreateBackup(s.ctx(), &pb.CreateBackupRequest{Parent: "tenants/acme"})
	_, restore := s.backups.RestoreBackup(s.ctx(), &pb.RestoreBackupRequest{Name: b.GetName()})
	for _, err := range []error{backup, restore} {
		if errs.ReasonOf(err) != "DATA_OUT_OF_REACH" || !errs.Is(err, errs.FailedPrecondition) || !strings.Contains(err.Error(), "db.data. Put them back") {
			t.Errorf("%v (%s)", err, errs.ReasonOf(err))
		}
	}
	if verify, err := s.backups.VerifyBackup(s.ctx(), &pb.VerifyBackupRequest{Name: b.GetName()}); err != nil {
		t.Error(err)
	} else {
		s.wait(verify.GetName())
	}
}

// keep notes a backup as the owner of the stamp would.
func (s *strongroom) keep(id string, like *pb.Backup, change func(*pb.Backup)) {
	s.t.Helper()
	backend, err := etcd.New(s.t.Context(), etcd.Config{Endpoints: testkit.Etcd(s.t).Endpoints}, etcd.Deps{})
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = backend.Close() }()
	b := &pb.Backup{
		Name: "tenants/acme/backups/" + id, TenantUid: like.GetTenantUid(), CreateTime: like.GetCreateTime(),
		Revision: like.GetRevision(), Components: like.GetComponents(), Cell: like.GetCell(),
	}
	if change != nil {
		change(b)
	}
	if _, err := record.New(backend, s.prefix).Backups.Create(s.t.Context(), "acme/"+id, b); err != nil {
		s.t.Fatal(err)
	}
}

func TestDeletingGoesToTheReplicaThatReachesTheCell(t *testing.T) {
	s := newStrongroom(t)
	op, err := s.backups.CreateBackup(s.ctx(), &pb.CreateBackupRequest{Parent: "tenants/acme"})
	if err != nil {
		t.Fatal(err)
	}
	b := s.backup(op)
	second := s.start("two", memory.New(memory.Config{FirstPort: 30000}))
	if _, err := pb.NewBackupServiceClient(second).DeleteBackup(s.ctx(), &pb.DeleteBackupRequest{Name: b.GetName()}); err != nil {
		t.Fatal(err)
	}
	if got := s.list("tenants/acme"); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}
