package record

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// Book is one tenant's record in the hands of its owner: whoever holds the
// claim, and of that one goroutine at a time. Change Stamp and Op, then Save.
type Book struct {
	Stamp *pb.Stamp
	// Op is the operation that is open, nil when none is.
	Op *pb.OperationRecord

	store    *Store
	stamps   *store.Collection[*pb.Stamp] // where the stamp is
	guard    store.Cond
	token    int64
	id       string // of the stamp
	stampRev int64  // 0: not there
	opRev    int64  // 0: not there
	saved    *pb.Stamp
}

// NewBook begins the record of a stamp that has none.
func (s *Store) NewBook(cell, tenant string, guard store.Cond) *Book {
	return &Book{
		Stamp: &pb.Stamp{Name: StampName(tenant), Cell: CellName(cell), SecretVersions: map[string]int32{}, JobsDone: map[string]string{}},
		store: s, stamps: s.Stamps, guard: guard, token: guard.Revision, id: StampID(cell, tenant),
	}
}

// OpenBook takes up the record of a stamp as it was read after the claim was
// taken: nobody else can have written it since.
func (s *Store) OpenBook(v store.Versioned[*pb.Stamp], guard store.Cond) *Book {
	b := &Book{Stamp: v.Value, store: s, stamps: s.Stamps, guard: guard, token: guard.Revision, id: s.Stamps.ID(v.Key), stampRev: v.ModRevision}
	b.saved = proto.CloneOf(v.Value)
	if b.Stamp.SecretVersions == nil {
		b.Stamp.SecretVersions = map[string]int32{}
	}
	if b.Stamp.JobsDone == nil {
		b.Stamp.JobsDone = map[string]string{}
	}
	return b
}

// Revision is the stamp's in the store, Token the claim's: together they order
// reports.
func (b *Book) Revision() int64 { return b.stampRev }

// Token is the claim's.
func (b *Book) Token() int64 { return b.token }

// Attach makes an operation the open one, as it is in the store (revision 0:
// it is not).
func (b *Book) Attach(op *pb.OperationRecord, revision int64) { b.Op, b.opRev = op, revision }

// Cancelled says whether a person asked to cancel the open operation. Save
// brings it up to date.
func (b *Book) Cancelled() bool { return b.Op.GetCancelRequested() }

// Save writes stamp and operation in one transaction, under the claim. While
// the store is away it tries again, until ctx ends: a claim that cannot be
// renewed meanwhile ends it. ErrGuard says that the claim is lost.
func (b *Book) Save(ctx context.Context, extra ...store.Op) error {
	switch {
	case b.changed():
		b.Stamp.Token, b.Stamp.UpdateTime = b.token, timestamppb.Now()
	case b.Op == nil && len(extra) == 0:
		return nil // a stamp at rest costs nothing
	}
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := b.save(ctx, extra)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, store.ErrConflict):
			err = b.refresh(ctx)
			if err == nil {
				continue
			}
		}
		if !errs.Is(err, errs.Unavailable) && !errs.Is(err, errs.DeadlineExceeded) || ctx.Err() != nil {
			return err
		}
		if !pause(ctx, wait) {
			return ctx.Err()
		}
	}
}

// changed says whether there is something of the stamp to save.
func (b *Book) changed() bool {
	return b.saved == nil || !proto.Equal(b.saved, b.Stamp)
}

func (b *Book) save(ctx context.Context, extra []store.Op) error {
	conds := []store.Cond{b.guard, store.ModRevisionIs(b.stamps.Key(b.id), b.stampRev)}
	ops := append([]store.Op(nil), extra...)
	write := b.changed()
	if write {
		ops = append(ops, b.stamps.PutOp(b.id, b.Stamp))
	}
	if b.Op != nil {
		conds = append(conds, store.ModRevisionIs(b.store.Operations.Key(b.opID()), b.opRev))
		ops = append(ops, b.store.Operations.PutOp(b.opID(), b.Op))
		ops = append(ops, b.store.shape(b.Op.GetMetadata())...)
	}
	res, err := b.store.Backend.Txn(ctx, conds, ops)
	if err != nil {
		return err
	}
	if !res.Succeeded {
		return store.ErrConflict
	}
	if write {
		b.stampRev, b.saved = res.Revision, proto.CloneOf(b.Stamp)
	}
	if b.Op != nil {
		b.opRev = res.Revision
	}
	return nil
}

// refresh finds out why a transaction did not apply. When the claim is still
// held there are two reasons: an earlier answer was lost though the write was
// made, or a person asked to cancel.
func (b *Book) refresh(ctx context.Context) error {
	if err := b.store.holds(ctx, b.guard); err != nil {
		return err
	}
	stamp, err := b.stamps.Get(ctx, b.id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	b.stampRev = stamp.ModRevision
	if b.Op == nil {
		return nil
	}
	op, err := b.store.Operations.Get(ctx, b.opID())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	b.opRev = op.ModRevision
	b.Op.CancelRequested = b.Op.GetCancelRequested() || op.Value.GetCancelRequested()
	return nil
}

func (b *Book) opID() string { return b.Op.GetName()[len("operations/"):] }

// Forget removes the stamp and everything that belongs to it but its
// operations; the open operation is saved with it.
func (b *Book) Forget(ctx context.Context) error {
	tenant := TenantID(b.Stamp.GetName())
	conds := []store.Cond{b.guard}
	ops := []store.Op{b.stamps.DeleteOp(b.id), b.store.Secrets.DeleteOp(tenant), b.store.Placements.DeleteOp(tenant)}
	if b.Op != nil {
		ops = append(ops, b.store.Operations.PutOp(b.opID(), b.Op))
		ops = append(ops, b.store.shape(b.Op.GetMetadata())...)
	}
	res, err := b.store.Backend.Txn(ctx, conds, ops)
	if err != nil {
		return err
	}
	if !res.Succeeded {
		return store.ErrGuard.With("guard", b.guard.Key)
	}
	b.stampRev, b.saved = 0, nil
	return nil
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
