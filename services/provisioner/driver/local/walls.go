package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

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
	all, err := d.host.All(ctx)
	if err != nil {
		return err
	}
	owners, stamps := []firewall.Owner{}, map[int]host.Allocation{}
	for _, a := range all {
		if a.User != 0 {
			owners, stamps[a.User] = append(owners, owner(a)), a
		}
	}
	lacking, err := firewall.Lacking(ctx, owners, d.means.confines)
	if err != nil {
		return err
	}
	lost := []string{}
	walled := map[int]bool{}
	for user := range stamps {
		walled[user] = true
	}
	for _, o := range lacking {
		there, oneErr := d.wall(ctx, stamps[o.User])
		if there && d.walled[o.User] {
			lost = append(lost, stamps[o.User].Tenant)
		}
		walled[o.User] = there && oneErr == nil
		err = errors.Join(err, oneErr)
	}
	d.walled = walled
	if len(lost) > 0 {
		d.log.WarnContext(ctx, "firewall rules were gone and have been put back; does another program flush them?", "cell", d.cfg.Cell, "tenants", lost)
	}
	return err
}

// wall puts a stamp's elements in, unless it is not there yet or any more. It is
// asked again afterwards: who destroys a stamp says so first, and then takes
// them away.
func (d *Driver) wall(ctx context.Context, a host.Allocation) (there bool, err error) {
	if there, err = d.stays(a); err != nil || !there {
		return false, err
	}
	if err := d.allow(ctx, a); err != nil {
		return true, err
	}
	if there, err = d.stays(a); err != nil || there {
		return there, err
	}
	return false, errors.Join(firewall.Forget(ctx, owner(a)), firewall.Release(ctx, owner(a)))
}

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
