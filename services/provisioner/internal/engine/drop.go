package engine

import (
	"context"
	"errors"
	"fmt"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/record"
)

// DeleteBackup removes a backup that nothing needs, as the owner of its cell:
// without the claim nothing is done. Calling twice is fine.
func (e *Engine) DeleteBackup(ctx context.Context, b *pb.Backup) error {
	tenant := record.TenantID(b.GetName())
	s := e.owner(record.CellID(b.GetCell()), tenant)
	if s == nil {
		return notOwned(b)
	}
	keep, ok := s.driver.(driver.Keeper)
	if !ok {
		return errs.New(errs.FailedPrecondition, "BACKUP_UNSUPPORTED", "%s keeps no backups: start its provisioner with the driver that made the backup", b.GetCell())
	}
	have := &pb.Stamp{}
	v, err := s.Store.Stamps.Get(ctx, record.StampID(s.Cell, tenant))
	switch {
	case err == nil:
		have = v.Value
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	by, err := s.dropBackup(ctx, keep, b, have)
	switch {
	case errors.Is(err, store.ErrGuard):
		return notOwned(b)
	case err == nil && by != "":
		return errs.New(errs.FailedPrecondition, "BACKUP_NEEDED", "backup %q is needed by %s", b.GetName(), by)
	}
	return err
}

// NotOwned is the reason of what another replica is to do, or nobody now.
const NotOwned = "CELL_NOT_OWNED"

func notOwned(b *pb.Backup) error {
	return errs.New(errs.Unavailable, NotOwned, "%s changes hands, or no provisioner reaches it: try again", b.GetCell())
}

// owner finds the shard of a tenant whose claim this replica holds; nil when it
// holds none.
func (e *Engine) owner(cell, tenant string) *shard {
	c, reached := e.cells[cell]
	if !reached {
		return nil
	}
	for _, s := range c.all() {
		if s.owns(tenant) {
			return s
		}
	}
	return nil
}

// dropBackup withdraws a backup under the claim, and then drops it; or says what
// needs it. Whoever asks for it meanwhile comes before or after: he has it, and
// then it stays, or finds none. A crash between leaves one that is swept.
func (s *shard) dropBackup(ctx context.Context, keep driver.Keeper, b *pb.Backup, have *pb.Stamp) (neededBy string, err error) {
	tenant, id, err := record.ParseBackupName("backup", b.GetName())
	if err != nil {
		return "", err
	}
	for {
		v, err := s.Store.Backups.Get(ctx, record.BackupID(tenant, id))
		if errors.Is(err, store.ErrNotFound) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		by, err := s.neededBy(ctx, v.Value, have)
		if err != nil || by != "" {
			return by, err
		}
		err = s.Store.WithdrawBackup(ctx, v, s.claim.Guard())
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("withdraw backup %q: %w", b.GetName(), err)
		}
		return "", DropBackup(ctx, s.Store, keep, b, s.claim.Guard())
	}
}

// DropBackup removes a backup that nothing can begin with any more, or yet, from
// the repository, and then its record. Calling twice is fine.
func DropBackup(ctx context.Context, records *record.Store, keep driver.Keeper, b *pb.Backup, guards ...store.Cond) error {
	tenant, id, err := record.ParseBackupName("backup", b.GetName())
	if err != nil {
		return err
	}
	if err := keep.DropBackup(ctx, driver.BackupRef{Tenant: tenant, UID: b.GetTenantUid(), ID: id}); err != nil {
		return fmt.Errorf("drop backup %q: %w", b.GetName(), err)
	}
	if err := records.Backups.Delete(ctx, record.BackupID(tenant, id), guards...); err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("forget backup %q: %w", b.GetName(), err)
	}
	return nil
}

// neededBy says what still needs a backup, in words; empty is nothing. have is
// the stamp of its tenant; nil when there is none, and then only new tenants
// may.
func (s *shard) neededBy(ctx context.Context, b *pb.Backup, have *pb.Stamp) (string, error) {
	var ops []*pb.OperationRecord
	if have != nil {
		found, _, err := s.Store.Operations.List(ctx, store.ListOptions{Prefix: record.TenantID(b.GetName()) + "."})
		if err != nil {
			return "", fmt.Errorf("list operations of %q: %w", b.GetName(), err)
		}
		for _, v := range found {
			ops = append(ops, v.Value)
		}
	}
	var tenants []*registryv1.Tenant
	for _, id := range s.View.All() {
		if t, ok := s.View.Get(id); ok && t.GetRestoreFrom() != "" {
			tenants = append(tenants, t)
		}
	}
	return record.NeededBy(b, have, ops, tenants), nil
}
