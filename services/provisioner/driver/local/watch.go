package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// watchInterval is how often the stamps are looked at between the engine's own
// looks. What differs in two looks in a row did not pass by itself: by then a
// supervisor has started a component again.
const watchInterval = 5 * time.Second

// Watch calls changed once for every stamp that begins to differ.
func (d *Driver) Watch(ctx context.Context, changed func(tenant string)) error {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	differs := map[string]int{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := d.watch(ctx, differs, changed); err != nil {
				return err
			}
		}
	}
}

// watch looks once; differs counts by tenant in how many looks in a row.
func (d *Driver) watch(ctx context.Context, differs map[string]int, changed func(tenant string)) error {
	manifests, err := filepath.Glob(filepath.Join(d.stamps(), "*", "manifest.json"))
	if err != nil {
		return fmt.Errorf("list stamps: %w", err)
	}
	for _, manifest := range manifests {
		dir := layout.Stamp(filepath.Dir(manifest))
		tenant := filepath.Base(string(dir))
		r, err := control.ReadRecord(dir)
		if err == nil && (r.Ending || d.sound(ctx, driver.Ref{Tenant: tenant, UID: r.UID}, r)) || errors.Is(err, fs.ErrNotExist) {
			delete(differs, tenant)
			continue
		}
		if differs[tenant]++; differs[tenant] == 2 {
			changed(tenant)
		}
	}
	return nil
}

// sound says whether a stamp is as its supervisor was told.
func (d *Driver) sound(ctx context.Context, ref driver.Ref, r control.Record) bool {
	o, err := d.Observe(ctx, ref)
	if err != nil {
		return false
	}
	for name, a := range r.Applied {
		c := o.Components[name]
		if c.Running == a.Stopped || c.Digest != a.Digest || len(c.ChangedFiles)+len(c.Missing) > 0 {
			return false
		}
	}
	return !o.Edited && len(o.Lost)+len(o.Missing) == 0
}
