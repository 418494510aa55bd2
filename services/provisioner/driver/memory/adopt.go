package memory

import (
	"context"
	"maps"
	"slices"
	"strings"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

var _ driver.Adopter = (*Driver)(nil)

// Adopt gives the stamp to who asks, once for each recovery.
func (d *Driver) Adopt(ctx context.Context, ref driver.Ref, recovery string) (driver.Adopted, error) {
	if err := d.begin(ctx, Call{Verb: "Adopt", Ref: ref}); err != nil {
		return driver.Adopted{}, err
	}
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	s := d.cell.stamps[ref.UID]
	if s == nil {
		return driver.Adopted{}, errs.New(errs.NotFound, "STAMP_MISSING", "adopt stamp of %q: there is none of uid %s", ref.Tenant, ref.UID)
	}
	ref.Recovery = recovery
	if s.ref.Recovery != recovery {
		if slices.Contains(s.past, recovery) {
			return driver.Adopted{}, driver.ErrStaleToken
		}
		s.past = append(s.past, s.ref.Recovery)
		s.ref.Recovery, s.ref.Token, s.jobs = recovery, ref.Token, map[string]driver.JobResult{}
	}
	if _, err := d.cell.claim(ref); err != nil {
		return driver.Adopted{}, err
	}
	got := driver.Adopted{Manifest: s.wish}
	for _, name := range slices.Sorted(maps.Keys(s.components)) {
		if s.ran[name] {
			got.Ran = append(got.Ran, name)
		}
		wished, err := s.wish.Digest(name)
		if c := s.components[name]; err == nil && c.Running && c.Digest == wished {
			got.Serves = append(got.Serves, name)
		}
	}
	return got, nil
}

// Remember notes what a manifest says beside its components.
func (d *Driver) Remember(ctx context.Context, ref driver.Ref, m driver.Manifest) error {
	if err := d.begin(ctx, Call{Verb: "Remember", Ref: ref}); err != nil {
		return err
	}
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	s, err := d.cell.claim(ref)
	if err == nil && s.wish.UID != "" {
		s.wish.Generation, s.wish.Revision = m.Generation, m.Revision
		if m.Recovery != nil {
			s.wish.Recovery = m.Recovery
		}
	}
	return err
}

// Manifests gives what every stamp was last wished to be.
func (d *Driver) Manifests(context.Context) ([]driver.Manifest, error) {
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	var all []driver.Manifest
	for _, s := range d.cell.stamps {
		if s.wish.UID != "" && !s.ending {
			all = append(all, s.wish)
		}
	}
	slices.SortFunc(all, driver.Manifest.Compare)
	return all, nil
}

// KeptBackups lists what is kept of a tenant.
func (d *Driver) KeptBackups(_ context.Context, tenant, uid string) ([]driver.KeptBackup, error) {
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	var all []driver.KeptBackup
	for name, b := range d.cell.kept {
		whose, id, _ := strings.Cut(strings.TrimPrefix(name, tenant+"."), "/")
		if strings.HasPrefix(name, tenant+".") && (whose == uid || strings.HasPrefix(whose, driver.ImportUID)) {
			all = append(all, driver.KeptBackup{UID: whose, ID: id, Kept: b.Kept, Note: b.note})
		}
	}
	return all, nil
}
