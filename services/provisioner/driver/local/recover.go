package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/host"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// Manifests gives what every stamp of the data directory was last wished to be,
// as its supervisor has it on disk: what a control plane that lost everything
// is rebuilt from.
func (d *Driver) Manifests(ctx context.Context) ([]driver.Manifest, error) {
	files, err := filepath.Glob(filepath.Join(d.cfg.DataDir, "stamps", "*", "manifest.json"))
	if err != nil {
		return nil, fmt.Errorf("list stamps: %w", err)
	}
	var all []driver.Manifest
	var failed error
	for _, file := range files {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r, err := control.ReadRecord(layout.Stamp(filepath.Dir(file)))
		switch {
		case err != nil:
			failed = errors.Join(failed, err)
		case !r.Ending && r.Wish.UID != "":
			all = append(all, r.Wish)
		}
	}
	slices.SortFunc(all, driver.Manifest.Compare)
	return all, failed
}

// returned gives the stamps of the data directory back what they had, if the
// host does not know of it any more. Their files belong to that user, and their
// walls are put up by it. One whose numbers somebody else has by now is barred: two
// stamps must not run as one user.
func (d *Driver) returned(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(d.stamps(), "*", "manifest.json"))
	if err != nil {
		return fmt.Errorf("list stamps: %w", err)
	}
	var had []host.Allocation
	for _, file := range files {
		r, err := control.ReadRecord(layout.Stamp(filepath.Dir(file)))
		if err != nil || r.UID == "" || r.Settings.User == 0 {
			continue // who needs it says so
		}
		had = append(had, d.hadOf(r))
	}
	if len(had) == 0 {
		return nil
	}
	taken, err := d.changes.Return(ctx, had)
	for _, a := range taken {
		if barErr := d.bar(layout.Stamp(filepath.Join(d.stamps(), a.Tenant)), a); errs.ReasonOf(barErr) != numbersTaken {
			err = errors.Join(err, barErr)
		}
	}
	return err
}

// hadOf is the allocation that a stamp's own record tells of.
func (d *Driver) hadOf(r control.Record) host.Allocation {
	a := host.Allocation{Tenant: r.Tenant, UID: r.UID, User: r.Settings.User}
	binds := maps.Clone(r.Wish.Site.Binds)
	if c := r.Wish.Site.Closed; c != nil {
		a.Address = c.Listen
	}
	for name, b := range binds {
		if b.Listen == d.cfg.PublicAddress && b.Listen != a.Address {
			if a.Ports == nil {
				a.Ports = map[string]int{}
			}
			a.Ports[name] = b.Port
		} else if a.Address == "" {
			a.Address = b.Listen
		}
	}
	return a
}
