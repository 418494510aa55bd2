package local

import (
	"context"
	"maps"
	"slices"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
)

var _ driver.Adopter = (*Driver)(nil)

// Adopt tells the stamp's supervisor whose it is now. Calling twice is fine.
func (d *Driver) Adopt(ctx context.Context, ref driver.Ref, recovery string) (driver.Adopted, error) {
	s, has, err := d.reserved(ref)
	if err != nil {
		return driver.Adopted{}, err
	}
	if !has {
		return driver.Adopted{}, errs.New(errs.NotFound, "STAMP_MISSING", "adopt stamp of %q: cell %q has none of uid %s", ref.Tenant, d.cfg.Cell, ref.UID)
	}
	ref.Recovery = recovery
	if _, err := d.ask(ctx, ref, control.Request{Op: control.OpAdopt}); err != nil {
		return driver.Adopted{}, err
	}
	r, err := control.ReadRecord(s)
	if err != nil {
		return driver.Adopted{}, err
	}
	got := driver.Adopted{Manifest: r.Wish}
	for _, component := range slices.Sorted(maps.Keys(r.Applied)) {
		if r.Ran(component) {
			got.Ran = append(got.Ran, component)
		}
		wished, err := r.Wish.Digest(component)
		if a := r.Applied[component]; err == nil && !a.Stopped && a.Digest == wished {
			got.Serves = append(got.Serves, component)
		}
	}
	return got, nil
}

// Remember tells the stamp's supervisor. Calling twice is fine.
func (d *Driver) Remember(ctx context.Context, ref driver.Ref, m driver.Manifest) error {
	if err := d.mustBeReserved(ref); err != nil {
		return err
	}
	known := driver.Manifest{Tenant: m.Tenant, UID: m.UID, Generation: m.Generation, Revision: m.Revision, Recovery: m.Recovery}
	_, err := d.ask(ctx, ref, control.Request{Op: control.OpRemember, Token: ref.Token, Wish: &known})
	return err
}

// KeptBackups lists what the repository has of a tenant.
func (d *Driver) KeptBackups(ctx context.Context, tenant, uid string) ([]driver.KeptBackup, error) {
	if err := (driver.Ref{Tenant: tenant, UID: uid}).Check(); err != nil {
		return nil, errs.New(errs.InvalidArgument, "NAME_INVALID", "%w", err)
	}
	return d.backups.List(ctx, tenant, uid)
}
