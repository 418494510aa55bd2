package driver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"
)

// Recovery is what a control plane that lost its records makes a tenant again
// from. It is in the manifest for that alone: no driver acts by it, and it is
// no part of a component's digest.
type Recovery struct {
	// Cell is the id of the cell that the stamp is in.
	Cell string `json:"cell"`
	// Tenant is the tenant as it was wished, in the JSON of the API.
	Tenant json.RawMessage `json:"tenant"`
	// Time is when its generation was asked for.
	Time time.Time `json:"time,omitzero"`
	// Restoring names the backup whose data the stamp is yet to have; empty once
	// it has it.
	Restoring string `json:"restoring,omitempty"`
	// Sealed are the secrets as the control plane sealed them, by name and
	// version, "pw@1"; Versions has the current one of each.
	Sealed   map[string][]byte `json:"sealed,omitempty"`
	Versions map[string]int32  `json:"versions,omitempty"`
}

// Wished is the generation of a stamp's manifest, and when that was asked for.
type Wished struct {
	Generation int64
	Time       time.Time
	// Tenant is a digest of the tenant and of what it is yet to have.
	Tenant [sha256.Size]byte
	// Restoring is that of the recovery.
	Restoring string
}

// Same says whether that was wished.
func (w Wished) Same(generation int64, tenant []byte, restoring string) bool {
	return w.Generation == generation && w.Tenant == digestOfWish(tenant, restoring)
}

func digestOfWish(tenant []byte, restoring string) [sha256.Size]byte {
	return sha256.Sum256(slices.Concat(tenant, []byte(restoring)))
}

// Wished is what the manifest says of itself; the zero Wished when it is not known
// when it was asked for.
func (m Manifest) Wished() Wished {
	if m.Recovery == nil || m.Recovery.Time.IsZero() {
		return Wished{}
	}
	return Wished{
		Generation: m.Generation, Time: m.Recovery.Time, Tenant: digestOfWish(m.Recovery.Tenant, m.Recovery.Restoring), Restoring: m.Recovery.Restoring,
	}
}

// Adopter is the extra of drivers whose stamps can be taken over by a control
// plane that knows nothing of them.
type Adopter interface {
	// Adopt takes over the stamp of a tenant as it runs, and changes nothing of
	// what runs. Tokens of before count no more and neither do recorded results
	// of jobs, whose ids may come again. The recovery names it: for one recovery
	// that is done once, from then on tokens under it count as always, and those
	// under another, or none, are stale, however high. So is a recovery that
	// another one came after. Calling twice is fine. Without such a stamp: an error of kind NotFound.
	Adopt(ctx context.Context, ref Ref, recovery string) (Adopted, error)

	// Remember has the stamp know the generation, the revision and the recovery of
	// a manifest; its components stay as they are known. Nothing that runs changes,
	// and a stamp that was never wished to be anything remembers nothing. Calling
	// twice is fine.
	Remember(ctx context.Context, ref Ref, m Manifest) error

	// Manifests gives what every stamp of the cell was last wished to be, in the
	// order of [Manifest.Compare], but for those that are being destroyed. One that cannot be read is named in the
	// error, beside the others.
	Manifests(ctx context.Context) ([]Manifest, error)

	// KeptBackups lists the backups of a tenant that are kept, and what was
	// imported for it, in no order.
	KeptBackups(ctx context.Context, tenant, uid string) ([]KeptBackup, error)
}

// Compare orders manifests by their tenants' ids, and those of one id by uid.
func (m Manifest) Compare(other Manifest) int {
	return cmp.Or(cmp.Compare(m.Tenant, other.Tenant), cmp.Compare(m.UID, other.UID))
}

// Adopted is a stamp that was taken over.
type Adopted struct {
	// Manifest is what it was last wished to be.
	Manifest Manifest
	// Ran are the components that were ever wished to run: they were set up.
	Ran []string
	// Serves are those that are meant to run as the manifest says: what comes
	// before a start was done for them, migrations too.
	Serves []string
}

// KeptBackup is a backup in the repository as it can be found there.
type KeptBackup struct {
	Kept

	// ID is the backup's, UID that under which it is kept: its stamp's, or that of
	// an import.
	ID, UID string
	// Note is what KeepBackup or ImportBackup was given; nil for one from before
	// notes.
	Note json.RawMessage
}
