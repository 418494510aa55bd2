package secrets

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// Sealed gives those that Read gave as they are kept: every version of each by
// "name@version", and the current ones.
func Sealed(all map[string]Secret) (sealed map[string][]byte, versions map[string]int32) {
	sealed, versions = map[string][]byte{}, map[string]int32{}
	for key, s := range all {
		if strings.Contains(key, "@") {
			sealed[key] = []byte(s.sealed)
			continue
		}
		sealed[id(key, s.Version)], versions[key] = []byte(s.sealed), s.Version
	}
	return sealed, versions
}

// PutBack keeps the secrets of a stamp whose record was lost, as [Sealed] gave
// them, and says their current versions. What is there already stays. Calling it
// again is fine. Those that the key file does not open are a failure
// SECRET_UNREADABLE: nothing is kept then.
func (v *Vault) PutBack(ctx context.Context, tenant, uid string, sealed map[string][]byte, versions map[string]int32, guard store.Cond) (map[string]int32, error) {
	for key, one := range sealed {
		if _, err := v.Box.Open(one, v.aad(tenant, uid, key)); err != nil {
			return nil, asUnreadable(err, fmt.Sprintf("Secret %q in the stamp's manifest cannot be opened: its key is not in the key file.", key))
		}
	}
	_, err := v.Sealed.Create(ctx, tenant, &pb.SealedSecrets{TenantUid: uid, Sealed: sealed, Versions: versions}, guard)
	if !errors.Is(err, store.ErrExists) {
		if err != nil {
			err = fmt.Errorf("put back secrets of %q: %w", tenant, err)
		}
		return versions, err
	}
	kept, err := v.Sealed.Get(ctx, tenant)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read secrets of %q: %w", tenant, err)
	case kept.Value.GetTenantUid() != uid:
		return nil, fmt.Errorf("put back secrets of %q: those of another tenant of that id are there", tenant)
	}
	return kept.Value.GetVersions(), nil
}
