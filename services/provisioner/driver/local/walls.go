package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"stampworks.dev/services/provisioner/driver/local/change"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/firewall"
	"stampworks.dev/services/provisioner/driver/local/host"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// keepWalls puts back what the firewall lacks of this cell's stamps: a reboot
// takes all of it, and other programs change it, too. Only open and Run call it.
func (d *Driver) keepWalls(ctx context.Context) error {
	if !d.means.firewall {
		return nil
	}
	all, err := d.host.All()
	if err != nil {
		return err
	}
	seem, err := d.seemLacking(ctx, all)
	if err != nil {
		return err
	}
	walled := map[int]bool{}
	for _, a := range all {
		walled[a.User] = true
	}
	var there []host.Allocation
	for _, a := range seem {
		stays, oneErr := d.stays(a)
		if err = errors.Join(err, oneErr); stays {
			there = append(there, a)
		} else {
			delete(walled, a.User)
		}
	}
	if wallErr := d.wall(ctx, there); wallErr != nil {
		err = errors.Join(err, wallErr)
		for _, a := range there {
			delete(walled, a.User)
		}
	}
	d.walled = walled
	return err
}

// wall puts in what the firewall lacks of stamps, and tells when it was there when
// last seen.
func (d *Driver) wall(ctx context.Context, all []host.Allocation) error {
	if len(all) == 0 {
		return nil
	}
	lacked, err := d.changes.Wall(ctx, all)
	lost := []string{}
	for _, a := range lacked {
		if d.walled[a.User] {
			lost = append(lost, a.Tenant)
		}
	}
	if len(lost) > 0 {
		d.log.WarnContext(ctx, "firewall rules were gone and have been put back; does another program flush them?", "cell", d.cfg.Cell, "tenants", lost)
	}
	return err
}

// seemLacking gives those of whom the firewall seems to lack something: somebody
// may be just changing it.
func (d *Driver) seemLacking(ctx context.Context, all []host.Allocation) ([]host.Allocation, error) {
	return change.Lacking(all, func(owners []firewall.Owner) ([]firewall.Owner, error) {
		return firewall.Look(ctx, owners, d.means.confines)
	})
}

// stays says whether a stamp is there, and not about to end. One that is not yet is
// given its walls by who reserves it.
func (d *Driver) stays(a host.Allocation) (bool, error) {
	r, err := control.ReadRecord(layout.Stamp(filepath.Join(d.stamps(), a.Tenant)))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("keep firewall: %w", err)
	}
	return r.UID == a.UID && !r.Ending, nil
}
