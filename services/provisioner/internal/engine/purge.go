package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
)

// inventory is what there is of a stamp by its ledger, and its backups, for the
// receipt. After a crash it may be asked again, when some are gone already, or
// the ledger says nothing any more.
func inventory(s *pb.Stamp, backups []string) []string {
	if len(s.GetLedger()) == 0 {
		return s.GetDestroyed()
	}
	var all []string
	for _, known := range s.GetDestroyed() {
		if strings.HasPrefix(known, kindBackup) && !slices.Contains(backups, known) {
			all = append(all, known)
		}
	}
	all = append(all, backups...)
	for _, e := range s.GetLedger() {
		if e.GetKind() == kindSite {
			all = append(all, siteInventory(siteOf(s))...)
			continue
		}
		all = append(all, e.GetKind()+" "+e.GetName())
	}
	return all
}

// kindBackup begins the names of backups in the receipt.
const kindBackup = "backup "

// stock reads which backups a stamp that is destroyed has.
func (r *run) stock(ctx context.Context) error {
	all, err := r.Store.KeptBackups(ctx, r.id)
	for _, b := range all {
		r.stored = append(r.stored, kindBackup+short(b.GetName()))
	}
	return err
}

// keptOn notes the backups that go later.
func (r *run) keptOn(names []string) {
	s := r.book.Stamp
	s.BackupsKept = names
	s.Destroyed = slices.DeleteFunc(s.GetDestroyed(), func(what string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return what == kindBackup+short(name) })
	})
}

// emptied notes that nothing is left of a stamp that the ledger knows.
func (r *run) emptied() {
	s := r.book.Stamp
	s.Ledger, s.Components, s.Isolation = nil, nil, nil
	clear(s.JobsDone)
	r.seen.Exists = false
	clear(r.seen.Running)
}

// receipt is what a purge did, for the registry; nil for anything else.
func (r *run) receipt() *registryv1.Receipt {
	if r.wish.Lifecycle != pb.Stamp_DESTROYED {
		return nil
	}
	return &registryv1.Receipt{Destroyed: r.book.Stamp.GetDestroyed(), LeftBehind: r.book.Stamp.GetLeftBehind(), BackupsKept: r.book.Stamp.GetBackupsKept()}
}

// siteInventory names what a stamp was given of its cell.
func siteInventory(site *driver.Site) []string {
	if site == nil {
		return nil
	}
	all := []string{"directory " + site.Dir}
	if site.UserID != 0 {
		all = append(all, fmt.Sprintf("user %d", site.UserID))
	}
	if site.PublicURL != "" {
		all = append(all, "address "+site.PublicURL)
	}
	for _, name := range slices.Sorted(maps.Keys(site.Volumes)) {
		all = append(all, "volume "+name)
	}
	return all
}

func (r *run) destroy() func(context.Context) result {
	ref, now := r.ref(), r.Now()
	return func(ctx context.Context) result {
		err := r.driver.Destroy(ctx, ref)
		var kept []string
		if err == nil {
			kept, err = r.endBackups(ctx, r.driver, ref, now)
		}
		return result{err: asFailure(err, typev1.Failure_DESTROY_INCOMPLETE), apply: func(r *run) error {
			r.keptOn(kept)
			r.emptied()
			return nil
		}}
	}
}
