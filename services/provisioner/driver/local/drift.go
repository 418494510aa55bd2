package local

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/host"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// dataMissing is the reason of a refusal to make a volume again.
const dataMissing = "DATA_MISSING"

// examine adds to an observation what is not as it was left: it compares the
// disk with the record. Files that were read once are not read again until
// their size, time or inode differs.
func (d *Driver) examine(ctx context.Context, s layout.Stamp, r control.Record, o *driver.Observation) {
	for name, a := range r.Applied {
		c, seen := s.Component(name), o.Components[name]
		seen.Missing = missing(c.Files(), c.Tmp(), c.Proc(), filepath.Dir(c.Log()))
		if !a.Stopped {
			seen.ChangedFiles = d.changedFiles(c, a)
		}
		if len(seen.Missing)+len(seen.ChangedFiles) > 0 {
			o.Components[name] = seen
		}
	}
	o.Lost = lost(r.Wish.Site.Volumes)
	o.Edited = r.Edited()
	o.Missing = missing(s.Backup(), s.Jobs(), s.Run(), s.Etc())
	if !d.guarded(ctx, s, r) {
		o.Missing = append(o.Missing, "firewall rules")
	}
}

// missing names those directories that are not there.
func missing(dirs ...string) []string {
	var gone []string
	for _, dir := range dirs {
		if isGone(dir) {
			gone = append(gone, filepath.Base(dir))
		}
	}
	return gone
}

// isGone says whether there is no directory, by whatever way: a person may have
// moved one to another disk and left a link.
func isGone(dir string) bool {
	info, err := os.Stat(dir)
	return errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir()
}

// lost names the volumes that were given and are not there.
func lost(volumes map[string]string) []string {
	var gone []string
	for _, name := range slices.Sorted(maps.Keys(volumes)) {
		if isGone(volumes[name]) {
			gone = append(gone, name)
		}
	}
	return gone
}

// lostVolumes refuses to make a volume again whose data is gone: an empty one in
// its place would hide that.
func (d *Driver) lostVolumes(ref driver.Ref, want driver.SiteRequest) error {
	s, r, has, err := d.record(ref)
	if errors.Is(err, control.ErrDamaged) {
		has, err = true, nil
		r.Wish.Site.Volumes = volumes(s, want) // any of them may have data
	}
	if err != nil || !has {
		return err
	}
	var gone []string
	for _, name := range lost(r.Wish.Site.Volumes) {
		component, volume, _ := strings.Cut(name, ".")
		if slices.Contains(want.Components[component], volume) {
			gone = append(gone, name)
		}
	}
	if len(gone) > 0 {
		return errs.New(errs.FailedPrecondition, dataMissing, "reserve stamp of %q: volumes with data are gone: %s", ref.Tenant, strings.Join(gone, ", "))
	}
	return nil
}

// volumes are those that a request asks for.
func volumes(s layout.Stamp, want driver.SiteRequest) map[string]string {
	all := map[string]string{}
	for component, names := range want.Components {
		for _, v := range names {
			all[component+"."+v] = s.Component(component).Volume(v)
		}
	}
	return all
}

// changedFiles names the files that are not as they were written.
func (d *Driver) changedFiles(c layout.Component, a control.Applied) []string {
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(a.Files)) {
		if !d.proven.same(filepath.Join(c.Files(), filepath.Base(name)), a.Files[name]) {
			changed = append(changed, name)
		}
	}
	return changed
}

// guardedFor is how long the answer of the firewall is believed.
const guardedFor = time.Second

// guarded says whether the firewall still has the stamp's rules.
func (d *Driver) guarded(ctx context.Context, s layout.Stamp, r control.Record) bool {
	if !d.means.firewall || r.Settings.User == 0 || d.proven.lately(s) {
		return true
	}
	a, has, err := d.host.Find(r.UID)
	if err != nil || !has || a.User == 0 {
		return true // nothing is known to be missing
	}
	one := []host.Allocation{a}
	if lacking, err := d.seemLacking(ctx, one); err == nil && len(lacking) > 0 {
		if lacking, err = d.changes.Lacking(ctx, one); err == nil && len(lacking) > 0 {
			return false
		}
	}
	d.proven.note(s)
	return true
}
