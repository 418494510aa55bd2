// Package secrets makes the secrets of a stamp and keeps them sealed: values
// are in the store only encrypted, bound to their key, tenant, name and
// version, and leave this package only to be rendered into a manifest.
package secrets

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

// Box seals and opens; pkg/secretbox is one.
type Box interface {
	Seal(plaintext, aad []byte) ([]byte, error)
	Open(ciphertext, aad []byte) ([]byte, error)
}

// Vault keeps the secrets of all stamps. It is safe for concurrent use.
type Vault struct {
	Box    Box
	Sealed *store.Collection[*pb.SealedSecrets]
}

const (
	defaultLength = 32
	alphabet      = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// Make makes the secrets that are missing, given their lengths by name, and
// gives the current version of all. Calling it again is fine: what was made
// stays. The guard is the claim's.
func (v *Vault) Make(ctx context.Context, tenant, uid string, lengths map[string]int, guard store.Cond) (map[string]int32, error) {
	var versions map[string]int32
	fill := func(s *pb.SealedSecrets) error {
		if s.GetTenantUid() != uid {
			s.TenantUid, s.Sealed, s.Versions = uid, nil, nil
		}
		if s.Sealed == nil {
			s.Sealed, s.Versions = map[string][]byte{}, map[string]int32{}
		}
		for name, length := range lengths {
			if s.GetVersions()[name] != 0 {
				continue
			}
			sealed, err := v.seal(ctx, tenant, uid, id(name, 1), length)
			if err != nil {
				return err
			}
			s.Sealed[id(name, 1)], s.Versions[name] = sealed, 1
		}
		versions = s.GetVersions()
		return nil
	}
	_, err := v.Sealed.Update(ctx, tenant, fill, guard)
	if errors.Is(err, store.ErrNotFound) {
		fresh := &pb.SealedSecrets{}
		if err := fill(fresh); err != nil {
			return nil, err
		}
		_, err = v.Sealed.Create(ctx, tenant, fresh, guard)
	}
	if err != nil {
		return nil, fmt.Errorf("make secrets of %q: %w", tenant, err)
	}
	return versions, nil
}

// Secret is one current secret.
type Secret struct {
	Value   string
	Version int32

	sealed string // as it is kept
}

// Placeholder stands for the value wherever it must not be: in ledgers,
// previews, logs.
func (s Secret) Placeholder(name string) string { return "secret:" + id(name, s.Version) }

// Read opens the secrets of a stamp: the current one of each by its name, and
// those of other versions, while one takes the place of another, by [Of]. What
// cannot be opened is a failure SECRET_UNREADABLE.
func (v *Vault) Read(ctx context.Context, tenant, uid string) (map[string]Secret, error) {
	kept, err := v.Sealed.Get(ctx, tenant)
	if errors.Is(err, store.ErrNotFound) {
		return map[string]Secret{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read secrets of %q: %w", tenant, err)
	}
	all := make(map[string]Secret, len(kept.Value.GetVersions()))
	for key, sealed := range kept.Value.GetSealed() {
		plain, err := v.Box.Open(sealed, v.aad(tenant, uid, key))
		if err != nil {
			return nil, asUnreadable(err, fmt.Sprintf("Secret %q cannot be opened: its key is not in the key file, or the record was changed.", key))
		}
		name, version := parse(key)
		if kept.Value.GetVersions()[name] == version {
			key = name
		}
		all[key] = Secret{Value: string(plain), Version: version, sealed: string(sealed)}
	}
	for name, version := range kept.Value.GetVersions() {
		if _, ok := all[name]; !ok {
			return nil, unreadable(fmt.Sprintf("Secret %q is not there.", id(name, version)))
		}
	}
	return all, nil
}

// asUnreadable is the failure of what does not open: the box's own, when it knows
// more than that.
func asUnreadable(err error, message string) error {
	var own *failure.Error
	if errors.As(err, &own) {
		return own
	}
	return unreadable(message)
}

// careful is a box that may refuse to seal; Keys is one.
type careful interface {
	MaySeal(ctx context.Context) error
}

func (v *Vault) seal(ctx context.Context, tenant, uid, id string, length int) ([]byte, error) {
	if box, ok := v.Box.(careful); ok {
		if err := box.MaySeal(ctx); err != nil {
			return nil, err
		}
	}
	value, err := text(length)
	if err != nil {
		return nil, err
	}
	sealed, err := v.Box.Seal([]byte(value), v.aad(tenant, uid, id))
	if err != nil {
		return nil, fmt.Errorf("seal secret %q: %w", id, err)
	}
	return sealed, nil
}

// aad binds a sealed value to where it is kept and whose it is.
func (v *Vault) aad(tenant, uid, id string) []byte { return aad(v.Sealed, tenant, uid, id) }

func aad(sealed *store.Collection[*pb.SealedSecrets], tenant, uid, id string) []byte {
	return []byte(sealed.Key(tenant) + "#" + uid + "#" + id)
}

func id(name string, version int32) string { return fmt.Sprintf("%s@%d", name, version) }

func parse(id string) (name string, version int32) {
	name, digits, _ := strings.Cut(id, "@")
	n, _ := strconv.ParseInt(digits, 10, 32) // we wrote it
	return name, int32(n)
}

// text is random, of letters and digits: it needs no quoting anywhere.
func text(length int) (string, error) {
	if length <= 0 {
		length = defaultLength
	}
	out := make([]byte, length)
	for i := range out {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			return "", fmt.Errorf("make secret: %w", err)
		}
		out[i] = alphabet[n.Int64()]
	}
	return string(out), nil
}
