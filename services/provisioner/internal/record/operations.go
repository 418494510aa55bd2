package record

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// keepOperations is how many of a tenant's operations are kept.
const keepOperations = 20

// Over says whether an operation has ended.
func Over(m *typev1.OperationMetadata) bool {
	switch m.GetState() {
	case typev1.OperationMetadata_SUCCEEDED, typev1.OperationMetadata_FAILED,
		typev1.OperationMetadata_CANCELLED, typev1.OperationMetadata_SUPERSEDED:
		return true
	}
	return false
}

// ReadOperation reads a generation's operation; nil and 0 when there is none.
func (s *Store) ReadOperation(ctx context.Context, tenant string, generation int64) (*pb.OperationRecord, int64, error) {
	v, err := s.Operations.Get(ctx, OperationID(tenant, generation))
	if errors.Is(err, store.ErrNotFound) {
		return nil, 0, nil
	}
	return v.Value, v.ModRevision, err
}

// CloseOlder ends what is open of generations before this one as SUPERSEDED,
// and forgets all but the newest. Of work without a generation the newest of
// each word stays: its number is not to be used again.
func (s *Store) CloseOlder(ctx context.Context, tenant string, generation int64, guard store.Cond) error {
	all, _, err := s.Operations.List(ctx, store.ListOptions{Prefix: tenant + "."})
	if err != nil {
		return fmt.Errorf("list operations of %q: %w", tenant, err)
	}
	slices.SortFunc(all, func(a, b store.Versioned[*pb.OperationRecord]) int {
		return b.Value.GetMetadata().GetCreateTime().AsTime().Compare(a.Value.GetMetadata().GetCreateTime().AsTime())
	})
	newest := map[string]bool{}
	for i, v := range all {
		id := s.Operations.ID(v.Key)
		first := v.Value.GetErrand() != nil && !newest[word(id)]
		newest[word(id)] = true
		switch m := v.Value.GetMetadata(); {
		case first, v.Value.GetErrand() != nil && !Over(m): // no generation: its turn comes
		case m.GetGeneration() >= generation:
		case i >= keepOperations:
			err = s.Operations.Delete(ctx, id, guard)
		case !Over(m):
			_, err = s.Operations.Update(ctx, id, supersede, guard)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("close operation %q: %w", id, err)
		}
	}
	return nil
}

// word is "backup" of "acme.backup-3".
func word(operationID string) string {
	_, rest, _ := strings.Cut(operationID, ".")
	return rest[:max(strings.LastIndexByte(rest, '-'), 0)]
}

func supersede(op *pb.OperationRecord) error {
	m := op.GetMetadata()
	if Over(m) {
		return nil
	}
	m.State, m.EndTime, m.Obstacles = typev1.OperationMetadata_SUPERSEDED, timestamppb.Now(), nil
	for _, s := range m.GetSteps() {
		if s.GetState() == typev1.Step_PENDING || s.GetState() == typev1.Step_RUNNING {
			s.State = typev1.Step_SKIPPED
		}
	}
	return nil
}

// keepShapes is how long a past operation's shape is kept.
const keepShapes = 400 * 24 * time.Hour

// shape is what an operation that ended says about the next of its kind. It is
// written with the end: whoever sees the one sees the other.
func (s *Store) shape(op *typev1.OperationMetadata) []store.Op {
	if !Over(op) || op.GetState() == typev1.OperationMetadata_SUPERSEDED {
		return nil
	}
	return []store.Op{s.Shapes.PutOp(shapeID(op), shapeOf(op))}
}

func shapeID(op *typev1.OperationMetadata) string {
	return fmt.Sprintf("%020d-%s.%d.%s", op.GetEndTime().AsTime().UnixNano(), TenantID(op.GetTenant()), op.GetGeneration(), op.GetKind())
}

// ForgetShapes removes some that are older than 400 days: more than are added with
// an operation's end.
func (s *Store) ForgetShapes(ctx context.Context, now time.Time, guard store.Cond) error {
	all, _, err := s.Shapes.List(ctx, store.ListOptions{Limit: 3}) // oldest first
	if err != nil {
		return fmt.Errorf("list shapes: %w", err)
	}
	for _, v := range all {
		if now.Sub(v.Value.GetEndTime().AsTime()) < keepShapes {
			return nil
		}
		if err := s.Shapes.Delete(ctx, s.Shapes.ID(v.Key), guard); err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("forget shape %q: %w", v.Key, err)
		}
	}
	return nil
}
