package record

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

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
	// Work makes the errand of its number.
	Work func(n int) (*pb.Errand, *typev1.OperationMetadata)
}

// Ask queues an errand for the owner of the stamp and gives its operation:
// "operations/acme.backup-3". Numbers count up; those of backups that are kept
// are not used again.
func (s *Store) Ask(ctx context.Context, e Errand) (*pb.OperationRecord, error) {
	for {
		n, err := s.nextNumber(ctx, e.Tenant, e.Word)
		if err != nil {
			return nil, err
		}
		id := fmt.Sprintf("%s.%s-%d", e.Tenant, e.Word, n)
		work, m := e.Work(n)
		m.Tenant, m.Kind, m.State, m.CreateTime = TenantName(e.Tenant), e.Kind, typev1.OperationMetadata_QUEUED, timestamppb.Now()
		op := &pb.OperationRecord{Name: "operations/" + id, TenantUid: e.UID, Metadata: m, Errand: work}
		_, err = s.Operations.Create(ctx, id, op)
		if errors.Is(err, store.ErrExists) {
			continue // somebody asked at the same moment
		}
		if err != nil {
			return nil, fmt.Errorf("queue operation %q: %w", id, err)
		}
		return op, nil
	}
}

// nextNumber is one more than the greatest that is in use.
func (s *Store) nextNumber(ctx context.Context, tenant, word string) (int, error) {
	ops, _, err := s.Operations.List(ctx, store.ListOptions{Prefix: tenant + "." + word + "-"})
	if err != nil {
		return 0, fmt.Errorf("list operations of %q: %w", tenant, err)
	}
	backups, _, err := s.Backups.List(ctx, store.ListOptions{Prefix: tenant + "/" + word + "-"})
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
	for _, v := range backups {
		note(v.Key)
	}
	return greatest + 1, nil
}
