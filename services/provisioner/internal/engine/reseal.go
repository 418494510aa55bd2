package engine

import (
	"context"

	"stampworks.dev/pkg/store"
)

// reseal seals again what is not under the newest key of the key file, when the
// claim was taken: a key file is read when a replica starts.
func (s *shard) reseal(ctx context.Context) error {
	after, values := "", 0
	for {
		page, _, err := s.Store.Secrets.List(ctx, store.ListOptions{StartAfter: after, Limit: sweepPage})
		if err != nil {
			s.Log.WarnContext(ctx, "secrets under an older key stay so until the next start", "cell", s.Cell, "error", err)
			return ctx.Err()
		}
		for _, v := range page {
			after = s.Store.Secrets.ID(v.Key)
			if book := s.book(after); book == nil || s.Vault.Current(v.Value) {
				continue
			}
			n, err := s.Vault.Reseal(ctx, after, s.claim.Guard())
			if err != nil {
				s.Log.ErrorContext(ctx, "secrets are not under the newest key: put back the key file that has theirs", "tenant", after, "error", err)
			}
			values += n
		}
		if len(page) < sweepPage {
			if values > 0 {
				s.Log.InfoContext(ctx, "sealed secrets again under the newest key", "cell", s.Cell, "values", values)
			}
			return nil
		}
	}
}
