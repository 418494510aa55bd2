package record

import (
	"context"
	"errors"
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
		id := fmt.Sprintf("%s.%s-%d", e.Tenant, e.Word, n)
		work, m := e.Work(n)
		m.Tenant, m.Kind, m.State, m.CreateTime = TenantName(e.Tenant), e.Kind, typev1.OperationMetadata_QUEUED, timestamppb.Now()
		work.Principal, work.RequestId = e.Principal, e.RequestID
		op := &pb.OperationRecord{Name: "operations/" + id, TenantUid: e.UID, Metadata: m, Errand: work}
		_, err = s.Operations.Create(ctx, id, op, guards...)
		if errors.Is(err, store.ErrExists) {
			continue // somebody asked at the same moment
		}
		if err != nil {
			return nil, fmt.Errorf("queue operation %q: %w", id, err)
		}
		return op, nil
	}
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
