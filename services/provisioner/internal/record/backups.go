package record

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

// KeepSafety is how many of the backups that are made before an upgrade, before
// a restore and at the end are kept, of each kind the newest.
const KeepSafety = 3

// KeptBackup reads a backup that is there: one that is being made is not yet, and
// one that was withdrawn is not any more.
func (s *Store) KeptBackup(ctx context.Context, name string) (store.Versioned[*pb.Backup], error) {
	tenant, id, err := ParseBackupName("name", name)
	if err != nil {
		return store.Versioned[*pb.Backup]{}, err
	}
	v, err := s.Backups.Get(ctx, BackupID(tenant, id))
	if errors.Is(err, store.ErrNotFound) || err == nil && v.Value.GetCreateTime() == nil {
		return v, errs.New(errs.NotFound, "BACKUP_NOT_FOUND", "there is no backup %q", name)
	}
	return v, err
}

// WithdrawBackup makes a backup one that is not there any more, for good: nothing
// begins with it from then on, so its data may go, now or when it is swept.
// ErrConflict says that it is not what was read: somebody may have asked for it
// meanwhile (Ask).
func (s *Store) WithdrawBackup(ctx context.Context, v store.Versioned[*pb.Backup], guard store.Cond) error {
	b := proto.CloneOf(v.Value)
	b.CreateTime, b.ExpireTime = nil, timestamppb.Now()
	conds := []store.Cond{guard, store.ModRevisionIs(v.Key, v.ModRevision)}
	res, err := s.Backend.Txn(ctx, conds, []store.Op{s.Backups.PutOp(s.Backups.ID(v.Key), b)})
	if err != nil || res.Succeeded {
		return err
	}
	if err := s.holds(ctx, guard); err != nil {
		return err
	}
	return store.ErrConflict.With("key", v.Key)
}

// KeptBackups reads a tenant's backups that are there, newest first.
func (s *Store) KeptBackups(ctx context.Context, tenant string) ([]*pb.Backup, error) {
	all, err := s.AllBackups(ctx, tenant)
	return slices.DeleteFunc(all, func(b *pb.Backup) bool { return b.GetCreateTime() == nil }), err
}

// AllBackups reads a tenant's backups, newest first; last those that are being
// made, or were given up.
func (s *Store) AllBackups(ctx context.Context, tenant string) ([]*pb.Backup, error) {
	found, _, err := s.Backups.List(ctx, store.ListOptions{Prefix: tenant + "/"})
	if err != nil {
		return nil, fmt.Errorf("list backups of %q: %w", tenant, err)
	}
	all := make([]*pb.Backup, 0, len(found))
	for _, v := range found {
		all = append(all, v.Value)
	}
	slices.SortStableFunc(all, func(a, b *pb.Backup) int { return b.GetCreateTime().AsTime().Compare(a.GetCreateTime().AsTime()) })
	return all, nil
}

// untilEnded is what to do about what needs a backup and goes on.
const untilEnded = ": wait until that has ended"

// NeededBy says what still needs a backup and what to do about it, in words such
// as "the upgrade of acme: wait until that has ended"; empty is nothing. Stamp and operations are those of the backup's tenant,
// tenants are all of whom it is known that they may begin with it: with one that is
// finished.
func NeededBy(b *pb.Backup, have *pb.Stamp, operations []*pb.OperationRecord, tenants []*registryv1.Tenant) string {
	tenant := TenantID(b.GetName())
	named := func(id string) bool { return id != "" && b.GetName() == BackupName(tenant, id) }
	if u := have.GetUpgrade(); named(u.GetBackup()) && (u.GetFailure() == nil || have.GetClosed() || u.GetMigrating() || u.GetRestoring()) {
		return "the upgrade of " + tenant + untilEnded
	}
	if named(have.GetWholeBackup()) {
		return "the data of " + tenant + ", which is half brought back: restore a backup, or retry " + tenant + ", first"
	}
	for _, op := range operations {
		if v := op.GetErrand().GetVerifyBackup(); v.GetBackup() == b.GetName() && !Over(op.GetMetadata()) {
			return op.GetName() + untilEnded
		}
		restore := op.GetErrand().GetRestoreBackup()
		if restore != nil && !Over(op.GetMetadata()) && (restore.GetBackup() == b.GetName() || named(restore.GetSafetyBackup())) {
			return op.GetName() + untilEnded
		}
	}
	for _, t := range tenants {
		if b.GetCreateTime() != nil && t.GetRestoreFrom() == b.GetName() && t.GetStatus().GetRevision() == "" && t.GetDeleteTime() == nil {
			return neededByNew(t)
		}
	}
	return ""
}

// neededByNew is about a tenant that has not begun with its backup yet.
func neededByNew(t *registryv1.Tenant) string {
	id := TenantID(t.GetName())
	if t.GetStatus().GetPhase() == registryv1.TenantStatus_GAVE_UP && t.GetStatus().GetObservedGeneration() == t.GetGeneration() {
		return "the new tenant " + id + ", which failed: retry or delete " + id
	}
	return "the new tenant " + id + untilEnded
}
