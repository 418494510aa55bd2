package secrets

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// Of finds a version of a secret among those that Read gave.
func Of(all map[string]Secret, name string, version int32) (Secret, bool) {
	if s, ok := all[name]; ok && s.Version == version {
		return s, true
	}
	s, ok := all[id(name, version)]
	return s, ok
}

// Lacking is the failure SECRET_UNREADABLE of a stamp that has secrets of which
// Read gave nothing: their record was removed. Nil when there is one of each.
func Lacking(all map[string]Secret, versions map[string]int32) error {
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		if _, has := all[name]; !has {
			return unreadable(fmt.Sprintf("Secret %q was made, and is not there any more.", name))
		}
	}
	return nil
}

// Next is a version of a secret that none of those that Read gave has.
func Next(all map[string]Secret, name string) int32 {
	greatest := int32(0)
	for key, s := range all {
		if of, _ := parse(key); of == name {
			greatest = max(greatest, s.Version)
		}
	}
	return greatest + 1
}

// Renew makes a version of a secret beside the current one, which stays current.
// Calling it again is fine: what was made stays.
func (v *Vault) Renew(ctx context.Context, tenant, uid, name string, version int32, length int, guard store.Cond) error {
	return v.change(ctx, tenant, uid, guard, func(s *pb.SealedSecrets) error {
		if s.GetSealed()[id(name, version)] != nil {
			return nil
		}
		sealed, err := v.seal(ctx, tenant, uid, id(name, version), length)
		if err == nil {
			s.Sealed[id(name, version)] = sealed
		}
		return err
	})
}

// Use makes a version of a secret the current one. The others stay.
func (v *Vault) Use(ctx context.Context, tenant, uid, name string, version int32, guard store.Cond) error {
	return v.change(ctx, tenant, uid, guard, func(s *pb.SealedSecrets) error {
		if s.GetSealed()[id(name, version)] == nil {
			return fmt.Errorf("use secret %q of %q: it was never made", id(name, version), tenant)
		}
		s.Versions[name] = version
		return nil
	})
}

// Retire forgets every version of a secret but the current one.
func (v *Vault) Retire(ctx context.Context, tenant, uid, name string, guard store.Cond) error {
	return v.change(ctx, tenant, uid, guard, func(s *pb.SealedSecrets) error {
		for key := range s.GetSealed() {
			if of, version := parse(key); of == name && version != s.GetVersions()[name] {
				delete(s.Sealed, key)
			}
		}
		return nil
	})
}

// change changes a tenant's record, which must be that of the uid.
func (v *Vault) change(ctx context.Context, tenant, uid string, guard store.Cond, how func(*pb.SealedSecrets) error) error {
	_, err := v.Sealed.Update(ctx, tenant, func(s *pb.SealedSecrets) error {
		if s.GetTenantUid() != uid {
			return fmt.Errorf("the secrets are of another tenant %q", tenant)
		}
		return how(s)
	}, guard)
	if err != nil {
		return fmt.Errorf("change secrets of %q: %w", tenant, err)
	}
	return nil
}

// keyed is a box that says whether it seals with this key, and whether it has it;
// pkg/secretbox and Keys are.
type keyed interface {
	Current(ciphertext []byte) bool
	Has(ciphertext []byte) bool
}

// Has says whether all of a record is under keys that there are.
func (v *Vault) Has(s *pb.SealedSecrets) bool {
	box, ok := v.Box.(keyed)
	for _, sealed := range s.GetSealed() {
		if ok && !box.Has(sealed) {
			return false
		}
	}
	return true
}

// Changed gives a channel that is closed when another key file is taken up; nil
// for a box that has one for good.
func (v *Vault) Changed() <-chan struct{} {
	if box, ok := v.Box.(interface{ Changed() <-chan struct{} }); ok {
		return box.Changed()
	}
	return nil
}

// Current says whether all of a record is under the newest key.
func (v *Vault) Current(s *pb.SealedSecrets) bool {
	box, ok := v.Box.(keyed)
	for _, sealed := range s.GetSealed() {
		if ok && !box.Current(sealed) {
			return false
		}
	}
	return true
}

// Reseal seals again what is not under the newest key, and says how many values
// of the tenant that were. After it was done for all tenants the older keys can
// leave the key file. Calling it again is fine.
func (v *Vault) Reseal(ctx context.Context, tenant string, guard store.Cond) (int, error) {
	box, ok := v.Box.(keyed)
	if !ok {
		return 0, nil
	}
	n := 0
	_, err := v.Sealed.Update(ctx, tenant, func(s *pb.SealedSecrets) error {
		n = 0
		for key, sealed := range s.GetSealed() {
			if box.Current(sealed) {
				continue
			}
			aad := v.aad(tenant, s.GetTenantUid(), key)
			plain, err := v.Box.Open(sealed, aad)
			if err != nil {
				return fmt.Errorf("open %q: %w", key, err)
			}
			fresh, err := v.Box.Seal(plain, aad)
			clear(plain)
			if err != nil {
				return fmt.Errorf("seal %q: %w", key, err)
			}
			s.Sealed[key] = fresh
			n++
		}
		return nil
	}, guard)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("seal secrets of %q again: %w", tenant, err)
	}
	return n, nil
}
