package engine

import (
	"context"
	"slices"
	"strings"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

// leave ends a purge that a person forced: what cannot be destroyed is written
// down, and the ledger forgets it. It is tried once more, for the receipt says
// what is there now.
func (r *run) leave(ctx context.Context) {
	s := r.book.Stamp
	s.LeftBehind = nil
	if err := r.driver.Destroy(ctx, r.ref()); err != nil {
		s.LeftBehind = r.remains(ctx)
		s.Destroyed = slices.DeleteFunc(s.GetDestroyed(), func(what string) bool { return slices.Contains(s.LeftBehind, what) })
		s.LeftBehind = append(s.LeftBehind, failure.From(typev1.Failure_DESTROY_INCOMPLETE, "", err).Failure.GetEvidence()...)
	}
	kept, err := r.endBackups(ctx, r.driver, r.ref(), r.Now())
	r.keptOn(kept)
	if err != nil {
		s.LeftBehind = append(s.LeftBehind, "backups: "+err.Error())
		s.Destroyed = slices.DeleteFunc(s.GetDestroyed(), func(what string) bool { return strings.HasPrefix(what, kindBackup) })
	}
	r.emptied()
}

// remains names what is still there of a stamp that could not be destroyed: its
// whole site, for user and address are given out again with the directory only,
// and the components that run, or may.
func (r *run) remains(ctx context.Context) []string {
	seen, err := r.driver.Observe(ctx, r.ref())
	all := siteInventory(siteOf(r.book.Stamp))
	for _, name := range made(r.book.Stamp) {
		if c := seen.Components[name]; err != nil || c.Running || len(c.PIDs) > 0 {
			all = append(all, kindComponent+" "+name)
		}
	}
	return all
}
