package record

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// Errand is work without a generation that somebody asks for.
type Errand struct {
	Tenant, UID string
	// Kind of the operation, Word in its name, such as "backup".
	Kind typev1.OperationMetadata_Kind
	Word string
	// Backup is the name of the one that the work needs. It is there when the work
	// is queued, and is not withdrawn before that has ended.
	Backup string
	// Principal is who asks, RequestID makes that repeatable: while the operation
	// is kept the same request gives it again. ErrRequestReused when it was for
	// something else.
	Principal, RequestID string
	// Work makes the errand of its number.
	Work func(n int) (*pb.Errand, *typev1.OperationMetadata)
	// Same says whether an operation does what is asked for; nil takes any of
	// the kind.
	Same func(*pb.OperationRecord) bool
}

// ErrRequestReused says that a request id is that of another request.
var ErrRequestReused = errs.New(errs.AlreadyExists, "IDEMPOTENCY_KEY_REUSED", "request id was used for another request")

// Ask queues an errand for the owner of the stamp and gives its operation:
// "operations/acme.backup-3". Numbers count up and are not used again: the
// newest operation of each word is kept, and so are those of kept backups. The
// owner of the stamp, when it asks itself, gives its claim as guard.
func (s *Store) Ask(ctx context.Context, e Errand, guards ...store.Cond) (*pb.OperationRecord, error) {
	for {
		if op, err := s.askedBefore(ctx, e); op != nil || err != nil {
			return op, err
		}
		n, err := s.nextNumber(ctx, e.Tenant, e.Word)
		if err != nil {
			return nil, err
		}
		op := e.operation(n)
		queued, err := s.queue(ctx, op, e.Backup, guards)
		if err != nil {
			return nil, fmt.Errorf("queue operation %q: %w", op.GetName(), err)
		}
		if queued {
			return op, nil
		}
	}
}

// operation is the record of an errand with its number.
func (e Errand) operation(n int) *pb.OperationRecord {
	work, m := e.Work(n)
	m.Tenant, m.Kind, m.State, m.CreateTime = TenantName(e.Tenant), e.Kind, typev1.OperationMetadata_QUEUED, timestamppb.Now()
	work.Principal, work.RequestId = e.Principal, e.RequestID
	return &pb.OperationRecord{Name: fmt.Sprintf("operations/%s.%s-%d", e.Tenant, e.Word, n), TenantUid: e.UID, Metadata: m, Errand: work}
}

// queue writes the record of an errand; false says that somebody else was faster:
// with the number, or with the backup. A backup that is needed is written again as
// it is, so that who is about to withdraw it is told that it changed.
func (s *Store) queue(ctx context.Context, op *pb.OperationRecord, backup string, guards []store.Cond) (bool, error) {
	id := strings.TrimPrefix(op.GetName(), "operations/")
	conds := append([]store.Cond{store.Absent(s.Operations.Key(id))}, guards...)
	ops := []store.Op{s.Operations.PutOp(id, op)}
	if backup != "" {
		v, err := s.KeptBackup(ctx, backup)
		if err != nil {
			return false, err
		}
		conds = append(conds, store.ModRevisionIs(v.Key, v.ModRevision))
		ops = append(ops, s.Backups.PutOp(s.Backups.ID(v.Key), v.Value))
	}
	res, err := s.Backend.Txn(ctx, conds, ops)
	if err != nil || res.Succeeded {
		return res.Succeeded, err
	}
	return false, s.holds(ctx, guards...)
}

// holds is ErrGuard when a guard does not.
func (s *Store) holds(ctx context.Context, guards ...store.Cond) error {
	if len(guards) == 0 {
		return nil
	}
	res, err := s.Backend.Txn(ctx, guards, nil)
	if err == nil && !res.Succeeded {
		return store.ErrGuard.With("guard", guards[0].Key)
	}
	return err
}

// askedBefore finds the operation of the same request; nil when there is none.
func (s *Store) askedBefore(ctx context.Context, e Errand) (*pb.OperationRecord, error) {
	if e.RequestID == "" {
		return nil, nil
	}
	ops, _, err := s.Operations.List(ctx, store.ListOptions{Prefix: e.Tenant + "."})
	if err != nil {
		return nil, fmt.Errorf("list operations of %q: %w", e.Tenant, err)
	}
	for _, v := range ops {
		op := v.Value
		if was := op.GetErrand(); was.GetRequestId() != e.RequestID || was.GetPrincipal() != e.Principal || op.GetTenantUid() != e.UID {
			continue
		}
		if op.GetMetadata().GetKind() != e.Kind || e.Same != nil && !e.Same(op) {
			return nil, ErrRequestReused.With("operation", op.GetName())
		}
		return op, nil
	}
	return nil, nil
}

// nextNumber is one more than the greatest that is in use.
func (s *Store) nextNumber(ctx context.Context, tenant, word string) (int, error) {
	ops, _, err := s.Operations.List(ctx, store.ListOptions{Prefix: tenant + "." + word + "-"})
	if err != nil {
		return 0, fmt.Errorf("list operations of %q: %w", tenant, err)
	}
	backups, _, err := s.Backups.List(ctx, store.ListOptions{Prefix: tenant + "/"})
	if err != nil {
		return 0, fmt.Errorf("list backups of %q: %w", tenant, err)
	}
	greatest := 0
	note := func(id string) {
		if n, err := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:]); err == nil {
			greatest = max(greatest, n)
		}
	}
	for _, v := range ops {
		note(v.Key)
	}
	for _, v := range backups { // those that were made before a restore carry its number
		if id := s.Backups.ID(v.Key); strings.Contains("-"+id[strings.IndexByte(id, '/')+1:], "-"+word+"-") {
			note(v.Key)
		}
	}
	return greatest + 1, nil
}
