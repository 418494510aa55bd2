package engine

import (
	"context"
	"errors"
	"fmt"
	"path"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/record"
)

// verifyErrand is the kind of the trial of a backup. It is worked on apart from
// its tenant, under the id of a throw-away stamp (record.WorksOn): that is made
// as a new tenant's from the backup, but closed to customers; what came of it is
// noted on the backup, and then it is destroyed. Its end and the end of all that
// is known of the throw-away stamp are one transaction.
type verifyErrand struct {
	errand
	work *pb.Errand_VerifyBackup
}

// triedInVain is the next action: what a failure's code says of it is for a
// tenant's own stamp.
const triedInVain = "Read the evidence; correct the blueprint, or make another backup, then verify again."

func (k verifyErrand) traits() traits {
	b := path.Base(k.work.GetBackup())
	return traits{
		errand: true, code: typev1.Failure_BACKUP_INVALID, harmless: true, binding: k.work.GetPassed(), unstoppable: k.work.GetPassed(),
		asked: "The backup " + b + " is to be tried", succeeded: "The backup " + b + " was tried in a throw-away stamp, and passed",
	}
}

func (k verifyErrand) wish(ctx context.Context, r *run) error {
	return r.bringBack(ctx, k.work.GetBackup(), r.book.Op.GetName())
}

func (k verifyErrand) turnedBy(*run) *typev1.Failure { return k.work.GetFailure() }

// turn makes it destroy the throw-away stamp; a nil failure says that the checks
// passed.
func (k verifyErrand) turn(_ *run, why *typev1.Failure) bool {
	if k.work.GetPassed() || k.work.GetFailure() != nil {
		return false
	}
	if why != nil && why.GetCode() != typev1.Failure_CANCELLED && why.GetCode() != typev1.Failure_BACKUP_INVALID {
		why.NextAction = triedInVain
	}
	k.work.Passed, k.work.Failure = why == nil, why
	return true
}

// TrialWish is what an operation wants of its throw-away stamp, as if that were a
// tenant's: to run, until what is to be known is known.
func TrialWish(op *pb.OperationRecord) *registryv1.Tenant {
	work, id := op.GetErrand().GetVerifyBackup(), record.WorksOn(op)
	return withSpec(&registryv1.Tenant{
		Name: record.TenantName(id), Uid: op.GetTenantUid() + "-" + path.Ext(op.GetName())[1:],
		Generation: 1, GenerationTime: op.GetMetadata().GetCreateTime(), Traceparent: op.GetErrand().GetTraceparent(),
		DisplayName: work.GetDisplayName(), Region: work.GetRegion(), Cell: work.GetCell(),
		Purging: work.GetPassed() || work.GetFailure() != nil,
	}, work.GetSpec())
}

// beginTrial takes up a throw-away stamp, as begin does a tenant's: its wish is in
// the operation. A nil run means that there is nothing to work on.
func (s *shard) beginTrial(ctx context.Context, id, operation string, wake <-chan struct{}) (*run, error) {
	v, err := s.Store.Operations.Get(ctx, operation)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && record.Over(v.Value.GetMetadata()):
		s.setBook(id, nil)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read operation %q: %w", operation, err)
	}
	wish, book := TrialWish(v.Value), s.book(id)
	place, placed := s.Placements.Peek(id)
	if book == nil {
		if !placed || place.Value.GetCell() != s.Cell {
			return nil, nil
		}
		book = s.Store.NewTrial(s.Cell, id, s.claim.Guard())
		book.Stamp.TenantUid, book.Stamp.CreateTime, book.Stamp.Closed = wish.GetUid(), timestamppb.Now(), true
		s.setBook(id, book)
	}
	book.Attach(proto.CloneOf(v.Value), v.ModRevision)
	r := s.newRun(id, wish, place.Value, book, wake)
	err = r.read(ctx)
	return r, err
}

// trial says whether this run is about a throw-away stamp: nobody is told of it,
// and no customer reaches it.
func (r *run) trial() bool {
	_, is := record.TrialOperation(r.id)
	return is
}

// tried notes on the backup what came of its trial; one that a person cancelled
// says nothing about it.
func (r *run) tried(ctx context.Context) error {
	f := r.turnedBy()
	if f.GetCode() == typev1.Failure_CANCELLED {
		return nil
	}
	tenant, backup, err := record.ParseBackupName("backup", r.errand().GetVerifyBackup().GetBackup())
	if err != nil {
		return err
	}
	_, err = r.Store.Backups.Update(ctx, record.BackupID(tenant, backup), func(b *pb.Backup) error {
		b.VerifyTime, b.VerifyFailure = timestamppb.Now(), f
		return nil
	}, r.claim.Guard())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("note trial of backup %q: %w", backup, err)
	}
	return nil
}
