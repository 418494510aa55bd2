package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/record"
)

// toAdopt says whether the stamp is yet to be taken over.
func (r *run) toAdopt() bool {
	recovery := r.asked.GetRecovery().GetId()
	return recovery != "" && r.book.Stamp.GetAdopted() != recovery
}

// adopt takes over the stamp of a tenant that was made again after its records
// were lost. Secrets and backups come back into the records from what the cell
// has; setups that were done are not done again. What runs is then found to be
// as wished, and left alone.
func (r *run) adopt(ctx context.Context) error {
	recovery, s := r.asked.GetRecovery().GetId(), r.book.Stamp
	from, can := r.driver.(driver.Adopter)
	if !can {
		return fmt.Errorf("adopt stamp of %q: this kind of cell cannot give it", r.id)
	}
	if err := r.book.Save(ctx); err != nil { // the claim is held
		return err
	}
	got, err := from.Adopt(ctx, r.ref(), recovery)
	if err != nil {
		return err
	}
	if err := r.recoverBackups(ctx, from); err != nil {
		return err
	}
	if len(s.GetLedger()) > 0 { // etcd was restored from a snapshot, and knows the rest
		s.Adopted, r.dirty = recovery, true
		return r.book.Save(ctx)
	}
	known := cmp.Or(got.Manifest.Recovery, &driver.Recovery{})
	if s.SecretVersions, err = r.Vault.PutBack(ctx, r.id, r.tenant.GetUid(), known.Sealed, known.Versions, r.claim.Guard()); err != nil {
		return err
	}
	if s.SecretVersions == nil {
		s.SecretVersions = map[string]int32{}
	}
	for _, component := range got.Ran {
		s.JobsDone[id(component, Setup)] = "once"
	}
	for _, component := range got.Serves {
		s.JobsDone[id(component, Migrate)] = got.Manifest.Revision
	}
	s.Adopted, r.dirty = recovery, true
	if err := r.halted(ctx, got.Manifest); err != nil {
		return err
	}
	return r.book.Save(ctx)
}

// halted stops what still runs of a stamp that is to be stopped: the ledger has
// nothing of it yet.
func (r *run) halted(ctx context.Context, m driver.Manifest) error {
	if r.wish.Lifecycle == pb.Stamp_RUNNING {
		return nil
	}
	for name := range m.Components {
		if err := r.driver.Stop(ctx, r.ref(), name); err != nil {
			return err
		}
	}
	return nil
}

// recoverBackups notes the backups that the repository has, as they were noted
// when they were kept.
func (r *run) recoverBackups(ctx context.Context, from driver.Adopter) error {
	kept, err := from.KeptBackups(ctx, r.id, r.tenant.GetUid())
	if err != nil {
		return err
	}
	for _, k := range kept {
		b := &pb.Backup{}
		if k.Note == nil || protojson.Unmarshal(k.Note, b) != nil {
			continue // from before notes were kept: it stays in the repository
		}
		b.Name, b.TenantUid, b.Cell = record.BackupName(r.id, k.ID), k.UID, record.CellName(r.Cell)
		b.SizeBytes, b.Digest, b.Files = k.SizeBytes, k.Digest, int32(k.Files)
		if _, err := r.Store.Backups.Create(ctx, record.BackupID(r.id, k.ID), b, r.claim.Guard()); err != nil && !errors.Is(err, store.ErrExists) {
			return fmt.Errorf("note backup %q: %w", b.GetName(), err)
		}
		if last := r.book.Stamp.GetLastBackupTime(); k.UID == r.tenant.GetUid() && b.GetCreateTime().AsTime().After(last.AsTime()) {
			r.book.Stamp.LastBackupTime = b.GetCreateTime()
		}
	}
	return nil
}

// NoteOf is what is kept beside a backup, to note it again.
func NoteOf(b *pb.Backup) ([]byte, error) {
	text, err := jsonOf(b)
	if err != nil {
		return nil, fmt.Errorf("note backup %q: %w", b.GetName(), err)
	}
	return text, nil
}

// recordsOlder is the obstacle of a stamp that knows a newer wish than etcd.
const recordsOlder = "RECORDS_OLDER"

// newerStamp says that the stamp was wished to be something that etcd has
// forgotten: it was restored from an older snapshot. What it remembers may not fit
// the data any more, so nothing is done until somebody says what the stamp is to
// be: any wish that is made later counts.
func (r *run) newerStamp() *typev1.Obstacle {
	was := r.obs.Wished
	if was.Generation <= r.asked.GetGeneration() || !was.Time.After(r.asked.GetGenerationTime().AsTime()) {
		return nil
	}
	next := fmt.Sprintf("Say what it is to be: if its data is of another revision than %s, upgrade it to that one; if not, suspend and resume it.",
		short(r.asked.GetBlueprint()))
	if halfRestored(r.book.Stamp) {
		next = r.book.Stamp.GetFailure().GetNextAction() // any wish would open it as it is
	}
	return &typev1.Obstacle{
		Code: recordsOlder,
		Message: fmt.Sprintf("The stamp is of generation %d, of %s, and etcd knows generation %d alone: it was restored from an older snapshot.",
			was.Generation, was.Time.UTC().Format(time.RFC3339), r.asked.GetGeneration()),
		NextAction: next,
	}
}
