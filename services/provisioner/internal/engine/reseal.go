package engine

import (
	"context"
	"maps"
	"slices"

	"stampworks.dev/pkg/store"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

// reseal seals again what is not under the newest key of the key file, when the
// claim was taken: a key file is read when a replica starts. One that was missing
// may come later.
func (s *shard) reseal(ctx context.Context) error {
	for {
		changed := s.Vault.Changed()
		sealed, err := s.resealAll(ctx)
		if err != nil {
			s.Log.WarnContext(ctx, "secrets under an older key stay so until the next start", "cell", s.Cell, "error", err)
			return ctx.Err()
		}
		s.noteSealed(sealed)
		if len(sealed) == 0 {
			return nil
		}
		s.Log.ErrorContext(ctx, "secrets are under keys that are not in the key file: put them back", "cell", s.Cell, "tenants", len(sealed))
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// resealAll gives the tenants whose secrets are under a key that is not there.
func (s *shard) resealAll(ctx context.Context) (sealed map[string]bool, err error) {
	after, values := "", 0
	sealed = map[string]bool{}
	for {
		page, _, err := s.Store.Secrets.List(ctx, store.ListOptions{StartAfter: after, Limit: sweepPage})
		if err != nil {
			return nil, err
		}
		for _, v := range page {
			after = s.Store.Secrets.ID(v.Key)
			switch {
			case s.book(after) == nil:
			case !s.Vault.Has(v.Value):
				sealed[after] = true
			case !s.Vault.Current(v.Value):
				n, err := s.Vault.Reseal(ctx, after, s.claim.Guard())
				if err != nil {
					s.Log.ErrorContext(ctx, "secrets are not sealed again under the newest key", "tenant", after, "error", err)
				}
				values += n
			}
		}
		if len(page) < sweepPage {
			if values > 0 {
				s.Log.InfoContext(ctx, "sealed secrets again under the newest key", "cell", s.Cell, "values", values)
			}
			return sealed, nil
		}
	}
}

// noteSealed notes whose secrets cannot be opened, and has those looked at of whom
// that is new or over.
func (s *shard) noteSealed(sealed map[string]bool) {
	s.mu.Lock()
	was := s.sealed
	s.sealed = sealed
	touched := maps.Clone(sealed)
	for tenant := range was {
		touched[tenant] = true
	}
	s.mu.Unlock()
	for tenant := range touched {
		s.queue.Add(tenant)
	}
}

// cannotOpen says whether the tenant's secrets are under a key that is not there.
func (r *run) cannotOpen() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sealed[r.id]
}

// saysSealed says whether the stamp says so.
func (r *run) saysSealed() bool {
	return slices.ContainsFunc(r.book.Stamp.GetObstacles(), isSealed)
}

func isSealed(o *typev1.Obstacle) bool {
	return o.GetCode() == typev1.Failure_SECRET_UNREADABLE.String()
}

// showSealed has a stamp at rest say so, while it is so: it serves, and nothing
// about it can be changed.
func (r *run) showSealed() {
	if s := r.book.Stamp; !r.cannotOpen() {
		s.Obstacles = slices.DeleteFunc(s.GetObstacles(), isSealed)
		return
	}
	r.obstruct(&typev1.Obstacle{
		Code:       typev1.Failure_SECRET_UNREADABLE.String(),
		Message:    "The secrets are sealed under a key that is not in the key file: what runs goes on, and nothing of it can be changed.",
		NextAction: failure.NextAction(typev1.Failure_SECRET_UNREADABLE),
	})
}
