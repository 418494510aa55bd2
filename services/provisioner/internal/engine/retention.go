package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/record"
)

// retention drops, of the reason for which the newest backup was made, what is
// beyond how many are kept, the oldest first; and what was begun and given up.
// It is looked at anew with every backup, so what fails is made up for.
func (s *shard) retention(ctx context.Context, keep driver.Keeper, newest *pb.Backup, most int, have *pb.Stamp) error {
	all, err := s.Store.AllBackups(ctx, record.TenantID(newest.GetName()))
	if err != nil {
		return err
	}
	kept := 0
	var over []*pb.Backup
	for _, b := range all { // the newest first
		switch {
		case b.GetName() == newest.GetName():
			kept++
		case b.GetCreateTime() == nil && b.GetReason() != pb.Backup_IMPORTED:
			over = append(over, b)
		case most > 0 && b.GetReason() == newest.GetReason():
			if kept++; kept > most {
				over = append(over, b)
			}
		}
	}
	for _, b := range slices.Backward(over) {
		if _, err := s.dropBackup(ctx, keep, b, have); err != nil {
			return err
		}
	}
	return nil
}

// endBackups is what becomes of the backups of a stamp that was destroyed: they
// go with it, or, when they are kept on or somebody needs them, later by
// themselves. Those it names. What is unfinished is no backup yet, and is never
// kept on: an import that still comes in ends.
func (s *shard) endBackups(ctx context.Context, d driver.Driver, ref driver.Ref, now time.Time) (later []string, err error) {
	all, err := s.Store.AllBackups(ctx, ref.Tenant)
	if err != nil {
		return nil, err
	}
	keep, keeps := d.(driver.Keeper)
	for _, b := range all {
		here, unfinished := keeps && record.CellID(b.GetCell()) == s.Cell, b.GetCreateTime() == nil
		if here && (s.BackupRetention <= 0 || unfinished) {
			by, err := s.dropBackup(ctx, keep, b, nil)
			if err != nil {
				return nil, err
			}
			if by == "" {
				continue
			}
		}
		switch {
		case unfinished: // its cell sweeps it, now
			err = s.expire(ctx, b, now)
		default:
			later = append(later, b.GetName())
			err = s.expire(ctx, b, now.Add(s.BackupRetention))
		}
		if err != nil {
			return nil, err
		}
	}
	return later, nil
}

// expire notes when a backup goes by itself, unless it says so already. What is
// unfinished is not waited for.
func (s *shard) expire(ctx context.Context, b *pb.Backup, at time.Time) error {
	tenant, id, err := record.ParseBackupName("backup", b.GetName())
	if err != nil {
		return err
	}
	_, err = s.Store.Backups.Update(ctx, record.BackupID(tenant, id), func(b *pb.Backup) error {
		if b.GetExpireTime() == nil || b.GetCreateTime() == nil {
			b.ExpireTime = timestamppb.New(at)
		}
		return nil
	}, s.claim.Guard())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("let backup %q expire: %w", b.GetName(), err)
	}
	return nil
}

// prune is the retention after a backup was kept: that it failed does not make
// the backup a bad one. A restore's own waits for the end (pruneRestored).
func (r *run) prune(keep driver.Keeper) func(context.Context, *pb.Backup) {
	if r.wish.Backup.Reason == pb.Backup_BEFORE_RESTORE {
		return func(context.Context, *pb.Backup) {}
	}
	return r.pruneNow(keep)
}

// pruneRestored is the retention of the backups before restores, once one has
// succeeded: one that failed pushes out no older one, which may have the only
// copy of what was lost.
func (r *run) pruneRestored(ctx context.Context) {
	w := r.wish.Backup
	if w == nil || w.Reason != pb.Backup_BEFORE_RESTORE || r.turnedBy() != nil {
		return
	}
	if keep, err := r.keeper(); err == nil {
		r.pruneNow(keep)(ctx, &pb.Backup{Name: record.BackupName(r.id, w.ID), Reason: w.Reason})
	}
}

func (r *run) pruneNow(keep driver.Keeper) func(context.Context, *pb.Backup) {
	have, log := proto.CloneOf(r.book.Stamp), r.log
	most := r.keeps(r.wish.Backup.Reason)
	return func(ctx context.Context, newest *pb.Backup) {
		if err := r.retention(ctx, keep, newest, most, have); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "old backups are kept until the next backup", "error", err)
		}
	}
}
