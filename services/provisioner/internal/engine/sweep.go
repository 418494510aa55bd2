package engine

import (
	"context"
	"time"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/record"
)

// sweepPage is how many records are read at once.
const sweepPage = 500

// sweep drops now and then the backups of purged tenants whose time is over,
// until ctx ends: with the claim on the cell's first shard.
func (s *shard) sweep(ctx context.Context) error {
	keep, ok := s.driver.(driver.Keeper)
	if !ok || s.Index != 0 {
		return nil
	}
	every := time.NewTicker(s.SweepEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-every.C:
			if err := s.sweepOnce(ctx, keep, s.Now()); err != nil && ctx.Err() == nil {
				s.Log.WarnContext(ctx, "backups of purged tenants are kept until the next look", "cell", s.Cell, "error", err)
			}
		}
	}
}

// sweepOnce looks at all backups, a page at a time.
func (s *shard) sweepOnce(ctx context.Context, keep driver.Keeper, now time.Time) error {
	after := ""
	for {
		page, _, err := s.Store.Backups.List(ctx, store.ListOptions{StartAfter: after, Limit: sweepPage})
		if err != nil {
			return err
		}
		for _, v := range page {
			if err := s.sweepBackup(ctx, keep, v.Value, now); err != nil {
				return err
			}
			after = s.Store.Backups.ID(v.Key)
		}
		if len(page) < sweepPage {
			return nil
		}
	}
}

func (s *shard) sweepBackup(ctx context.Context, keep driver.Keeper, b *pb.Backup, now time.Time) error {
	if b.GetExpireTime() == nil || b.GetExpireTime().AsTime().After(now) || record.CellID(b.GetCell()) != s.Cell {
		return nil
	}
	_, err := s.dropBackup(ctx, keep, b, nil)
	return err
}
