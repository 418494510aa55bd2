package server

import (
	"context"
	"slices"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/pkg/telemetry"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/record"
)

// CreateBackup queues a backup for the owner of the stamp (AIP-133, AIP-151).
func (s *Server) CreateBackup(ctx context.Context, req *pb.CreateBackupRequest) (*longrunningpb.Operation, error) {
	stamp, err := s.runs(ctx, req.GetParent())
	if err != nil {
		return nil, err
	}
	if err := untouched(stamp); err != nil {
		return nil, err
	}
	if !engine.HasJob(stamp, func(_ string, c blueprint.Component) bool { return c.Backup != nil }) {
		return nil, errs.New(errs.FailedPrecondition, "BACKUP_JOB_MISSING",
			"%s runs %s, which has no backup job: publish a revision with one, and upgrade to it", req.GetParent(), stamp.GetRevision())
	}
	return s.ask(ctx, stamp, engine.AskBackup(stamp, pb.Backup_ON_DEMAND), req.GetRequestId())
}

// RestoreBackup queues a restore into the backup's own tenant (AIP-136,
// AIP-151).
func (s *Server) RestoreBackup(ctx context.Context, req *pb.RestoreBackupRequest) (*longrunningpb.Operation, error) {
	b, stamp, err := s.restorable(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	if err := untouched(stamp); err != nil {
		return nil, err
	}
	return s.ask(ctx, stamp, engine.AskRestore(stamp, b), req.GetRequestId())
}

// VerifyBackup queues the trial of a backup in a throw-away stamp (AIP-136,
// AIP-151).
func (s *Server) VerifyBackup(ctx context.Context, req *pb.VerifyBackupRequest) (*longrunningpb.Operation, error) {
	b, stamp, err := s.restorable(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	t, known := s.View.Get(record.TenantID(b.GetName()))
	if !known {
		return nil, errs.New(errs.NotFound, "TENANT_NOT_FOUND", "there is no tenant of backup %q", req.GetName())
	}
	return s.ask(ctx, stamp, engine.AskVerify(stamp, t, b), req.GetRequestId())
}

// restorable reads a backup that can be brought back into the stamp of its tenant,
// and that stamp.
func (s *Server) restorable(ctx context.Context, name string) (*pb.Backup, *pb.Stamp, error) {
	b, err := s.backup(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	stamp, err := s.runs(ctx, record.TenantName(record.TenantID(b.GetName())))
	if err != nil {
		return nil, nil, err
	}
	return b, stamp, restorable(b, stamp)
}

// runs finds the stamp of a tenant that runs, and is to.
func (s *Server) runs(ctx context.Context, name string) (*pb.Stamp, error) {
	v, err := s.read(ctx, name+"/stamp")
	if err != nil {
		return nil, err
	}
	stamp := v.Value
	wish, known := s.View.Get(record.TenantID(name))
	if stamp.GetRevision() == "" || stamp.GetLifecycle() != pb.Stamp_RUNNING || known && engine.LifecycleOf(wish) != pb.Stamp_RUNNING {
		return nil, errs.New(errs.FailedPrecondition, "STAMP_NOT_RUNNING", "the stamp of %s does not run: create, resume, retry or undelete the tenant first, and wait for it", name)
	}
	return stamp, nil
}

// untouched says why the data of a stamp can be neither copied nor replaced now.
// One of which that shows later fails the work.
func untouched(stamp *pb.Stamp) error {
	o := engine.Untouched(stamp)
	if o == nil {
		return nil
	}
	return errs.New(errs.FailedPrecondition, "DATA_OUT_OF_REACH", "the data of %s cannot be reached, so none is copied or replaced. %s %s",
		record.TenantName(record.TenantID(stamp.GetName())), o.GetMessage(), o.GetNextAction())
}

// restorable says why a backup cannot be brought back into a stamp that runs.
func restorable(b *pb.Backup, stamp *pb.Stamp) error {
	name, runs := b.GetName(), stamp.GetRevision()
	switch newer, same := engine.Newer(b.GetRevision(), runs); {
	case b.GetTenantUid() != stamp.GetTenantUid():
		return errs.New(errs.FailedPrecondition, "BACKUP_OF_OTHER", "backup %q is of another tenant that had this id: create a new tenant with restore_from", name)
	case b.GetCell() != stamp.GetCell():
		return errs.New(errs.FailedPrecondition, "BACKUP_ELSEWHERE", "backup %q is kept by %s, and the stamp is in %s: choose one that is kept there", name, b.GetCell(), stamp.GetCell())
	case !same:
		return errs.New(errs.FailedPrecondition, "BACKUP_OF_OTHER_BLUEPRINT", "backup %q is of %s, and the stamp runs %s: choose one of the same blueprint", name, b.GetRevision(), runs)
	case newer:
		return errs.New(errs.FailedPrecondition, "BACKUP_NEWER", "backup %q is of %s, which is newer than %s: upgrade the tenant first", name, b.GetRevision(), runs)
	}
	if engine.HasJob(stamp, func(component string, c blueprint.Component) bool {
		return c.Restore != nil && slices.Contains(b.GetComponents(), component)
	}) {
		return nil
	}
	return errs.New(errs.FailedPrecondition, "RESTORE_JOB_MISSING",
		"backup %q cannot be brought back: %s has no restore job for what is in it; publish a revision with one, and upgrade to it", name, runs)
}

// ask queues an errand on behalf of the caller.
func (s *Server) ask(ctx context.Context, stamp *pb.Stamp, e record.Errand, requestID string) (*longrunningpb.Operation, error) {
	who, _ := identity.PrincipalFrom(ctx)
	e.Principal, e.RequestID = who.Name, requestID
	work := e.Work
	e.Work = func(n int) (*pb.Errand, *typev1.OperationMetadata) {
		errand, m := work(n)
		errand.Traceparent = telemetry.Traceparent(ctx)
		m.TraceId = telemetry.TraceID(ctx)
		m.Revision, m.Plan, m.Cell = stamp.GetRevision(), stamp.GetPlan(), stamp.GetCell()
		return errand, m
	}
	op, err := s.Store.Ask(ctx, e)
	if err != nil {
		return nil, err
	}
	return message(ctx, op, s.current)
}
