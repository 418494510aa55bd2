package engine

import (
	"bytes"
	"context"
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/secrets"
)

// recoverable gives a manifest what its tenant can be made again from: as it is
// worked towards, so that an upgrade that went back is not tried again. Without
// the secrets it is left out, and the driver keeps what it was given before. Nobody
// is made again from a throw-away stamp.
func (r *run) recoverable(m driver.Manifest, values map[string]secrets.Secret, have *pb.Stamp) driver.Manifest {
	if values == nil || r.trial() {
		return m
	}
	text, err := r.remembered()
	if err != nil {
		r.log.Warn("tenant cannot be kept beside its stamp", "error", err)
		return m
	}
	m.Recovery = &driver.Recovery{Cell: r.Cell, Tenant: text, Time: r.tenant.GetGenerationTime().AsTime(), Restoring: r.restoring(have)}
	m.Recovery.Sealed, m.Recovery.Versions = secrets.Sealed(values)
	return m
}

// remembered is the tenant as its stamp remembers it.
func (r *run) remembered() ([]byte, error) {
	t := proto.CloneOf(r.tenant)
	t.Etag, t.Status, t.State, t.Reconciling, t.RestoreFrom = "", nil, registryv1.Tenant_STATE_UNSPECIFIED, false, ""
	return jsonOf(t)
}

// restoring names the backup whose data the stamp is yet to have: that of another
// as it begins, or its own on the way back from an upgrade, and while its data is,
// or may become, half of two.
func (r *run) restoring(have *pb.Stamp) string {
	from := r.asked.GetRestoreFrom()
	switch u := have.GetUpgrade(); {
	case u.GetRestoring():
		return record.BackupName(r.id, u.GetBackup())
	case have.GetWholeBackup() != "":
		return record.BackupName(r.id, have.GetWholeBackup())
	case lived(have) || have.GetRestored() == from:
		return ""
	}
	return from
}

// rememberWish has a stamp at rest remember what is wished of it, when that
// changed and nothing of what runs did: it went back to what ran before, or was
// given a label. It is looked at again with every look, so what fails is made up for.
func (r *run) rememberWish(ctx context.Context) {
	beside, can := r.driver.(driver.Adopter)
	text, err := r.remembered()
	if !can || err != nil || r.trial() || r.obs.Wished.Same(r.asked.GetGeneration(), text, r.restoring(r.book.Stamp)) {
		return
	}
	values, err := r.Vault.Read(ctx, r.id, r.tenant.GetUid())
	if err != nil {
		return // said where they are needed
	}
	m := r.besides(values)
	if err := beside.Remember(ctx, r.ref(), m); err != nil {
		r.log.WarnContext(ctx, "wish is not remembered beside its stamp", "error", err)
		return
	}
	r.obs.Wished = m.Wished()
}

// besides is a manifest of nothing but what a stamp remembers.
func (r *run) besides(values map[string]secrets.Secret) driver.Manifest {
	return r.recoverable(driver.Manifest{
		Tenant: r.id, UID: r.tenant.GetUid(), Generation: r.asked.GetGeneration(), Revision: r.book.Stamp.GetRevision(),
	}, values, r.book.Stamp)
}

// rememberWhole has a stamp remember, before its data is touched, which backup has
// what was there.
func (r *run) rememberWhole() func(context.Context) error {
	beside, can := r.driver.(driver.Adopter)
	if !can || r.book.Stamp.GetWholeBackup() == "" {
		return func(context.Context) error { return nil }
	}
	ref, m := r.ref(), r.besides(r.vault)
	return func(ctx context.Context) error { return beside.Remember(ctx, ref, m) }
}

// jsonOf is a message in the JSON of the API, the same text for the same message.
func jsonOf(m proto.Message) ([]byte, error) {
	text, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	var same bytes.Buffer
	if err := json.Compact(&same, text); err != nil {
		return nil, err
	}
	return same.Bytes(), nil
}
