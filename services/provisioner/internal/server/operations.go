package server

import (
	"context"
	"encoding/base64"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/record"
)

// GetOperation reads one operation (AIP-151).
func (s *Server) GetOperation(ctx context.Context, req *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	op, err := s.find(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	return message(ctx, s.queuedBehind(op), s.current)
}

// find reads an operation. One that has no record is made up from the
// tenant's generation: that needs no second write when a tenant changes.
func (s *Server) find(ctx context.Context, name string) (*pb.OperationRecord, error) {
	id, tenant, generation, err := record.ParseOperationName(name)
	if err != nil {
		return nil, err
	}
	v, err := s.Operations.Get(ctx, id)
	if err == nil {
		return v.Value, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if generation == 0 {
		return nil, notFound(name) // nobody asked for it
	}
	t, err := s.Tenants.GetTenant(ctx, &registryv1.GetTenantRequest{Name: record.TenantName(tenant)})
	switch {
	case errs.Is(err, errs.NotFound):
		return s.overtaken(ctx, name, tenant, generation)
	case err != nil:
		return nil, err
	case generation == 0 || generation > t.GetGeneration():
		return nil, notFound(name)
	case generation < t.GetGeneration():
		return neverBegun(name, t.GetName(), t.GetUid(), generation, t.GetGenerationTime()), nil
	}
	return engine.NewOperation(t, s.stamp(tenant)), nil
}

// overtaken finds an operation of a tenant that is gone: one that never began is
// known by the later ones.
func (s *Server) overtaken(ctx context.Context, name, tenant string, generation int64) (*pb.OperationRecord, error) {
	kept, _, err := s.Store.Operations.List(ctx, store.ListOptions{Prefix: tenant + "."})
	if err != nil {
		return nil, err
	}
	for _, v := range kept {
		if m := v.Value.GetMetadata(); generation > 0 && m.GetGeneration() > generation {
			return neverBegun(name, m.GetTenant(), v.Value.GetTenantUid(), generation, m.GetCreateTime()), nil
		}
	}
	return nil, notFound(name)
}

// neverBegun is the operation of a generation that a newer one overtook.
func neverBegun(name, tenant, uid string, generation int64, overtaken *timestamppb.Timestamp) *pb.OperationRecord {
	return &pb.OperationRecord{Name: name, TenantUid: uid, Metadata: &typev1.OperationMetadata{
		Tenant: tenant, Generation: generation, State: typev1.OperationMetadata_SUPERSEDED, EndTime: overtaken,
	}}
}

func notFound(name string) error {
	return errs.New(errs.NotFound, "OPERATION_NOT_FOUND", "there is no operation %q", name)
}

// stamp is a tenant's stamp as the cache has it, nil when there is none.
func (s *Server) stamp(tenant string) *pb.Stamp {
	p, ok := s.Placements.Peek(tenant)
	if !ok {
		return nil
	}
	v, _ := s.Stamps.Peek(record.StampID(p.Value.GetCell(), tenant))
	return v.Value
}

const (
	defaultPage = 50
	maxPage     = 1000
)

var tenantFilter = regexp.MustCompile(`^metadata\.tenant\s*=\s*"?(?:tenants/)?([a-z0-9-]+)"?$`)

// ListOperations reads operations, newest first (AIP-132). The one filter is
// metadata.tenant="tenants/acme".
func (s *Server) ListOperations(ctx context.Context, req *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	tenant, err := parseFilter(req.GetFilter())
	if err != nil {
		return nil, err
	}
	all, _, err := s.Operations.List(ctx)
	if err != nil {
		return nil, err
	}
	var found []*pb.OperationRecord
	for _, v := range all {
		if tenant == "" || v.Value.GetMetadata().GetTenant() == record.TenantName(tenant) {
			found = append(found, v.Value)
		}
	}
	slices.SortFunc(found, newestFirst)
	page, next, err := cut(found, req.GetPageSize(), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	res := &longrunningpb.ListOperationsResponse{NextPageToken: next}
	for _, op := range page {
		m, err := message(ctx, op, s.viewed)
		if err != nil {
			return nil, err
		}
		res.Operations = append(res.Operations, m)
	}
	return res, nil
}

func parseFilter(filter string) (tenant string, err error) {
	if filter = strings.TrimSpace(filter); filter == "" {
		return "", nil
	}
	found := tenantFilter.FindStringSubmatch(filter)
	if found == nil {
		return "", errs.Invalid("FILTER_INVALID", errs.Violation{Field: "filter", Description: `must be empty or like metadata.tenant="tenants/acme"`})
	}
	return found[1], nil
}

func newestFirst(a, b *pb.OperationRecord) int {
	if c := b.GetMetadata().GetCreateTime().AsTime().Compare(a.GetMetadata().GetCreateTime().AsTime()); c != 0 {
		return c
	}
	return strings.Compare(b.GetName(), a.GetName())
}

// cut gives the page after the operation that the token names.
func cut(all []*pb.OperationRecord, size int32, token string) ([]*pb.OperationRecord, string, error) {
	if token != "" {
		name, err := base64.RawURLEncoding.DecodeString(token)
		at := slices.IndexFunc(all, func(op *pb.OperationRecord) bool { return op.GetName() == string(name) })
		if err != nil || at < 0 {
			return nil, "", errs.Invalid("PAGE_TOKEN_INVALID", errs.Violation{Field: "page_token", Description: "is not from the last response"})
		}
		all = all[at+1:]
	}
	n := int(size)
	if n <= 0 {
		n = defaultPage
	}
	if n = min(n, maxPage); len(all) <= n {
		return all, "", nil
	}
	return all[:n], base64.RawURLEncoding.EncodeToString([]byte(all[n-1].GetName())), nil
}

// maxWait is how long WaitOperation waits at most, and when nobody says.
const maxWait = 5 * time.Minute

// WaitOperation waits until an operation is done, or the time is up, and gives
// it as it is then (AIP-151). It looks whenever the tenant's operations change.
func (s *Server) WaitOperation(ctx context.Context, req *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	limit := maxWait
	if d := req.GetTimeout().AsDuration(); req.GetTimeout() != nil && d < limit {
		limit = d
	}
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		_, seen := s.Operations.Snapshot()
		op, err := s.find(ctx, req.GetName())
		if err != nil {
			return nil, err
		}
		if record.Over(op.GetMetadata()) || s.changed(waiting, op, seen) != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return message(ctx, s.queuedBehind(op), s.current) // ended, or the time is up
		}
	}
}

// changed waits for an event after a revision of an operation of the same
// tenant: a newer one may end one that never began.
func (s *Server) changed(ctx context.Context, op *pb.OperationRecord, after int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	prefix := record.TenantID(op.GetMetadata().GetTenant()) + "."
	events, why := s.Operations.Subscribe(ctx, after)
	for ev := range events {
		if ev.Type == store.Put && strings.HasPrefix(ev.ID, prefix) && !proto.Equal(ev.Item.Value, op) {
			return nil
		}
	}
	if err := why(); !errors.Is(err, store.ErrCompacted) {
		return err
	}
	return nil // look again
}

// DeleteOperation is not offered: operations are kept as evidence, and go by
// themselves.
func (s *Server) DeleteOperation(context.Context, *longrunningpb.DeleteOperationRequest) (*emptypb.Empty, error) {
	return nil, errs.New(errs.Unimplemented, "OPERATION_DELETE_UNSUPPORTED", "operations cannot be deleted: the last 20 of each tenant are kept")
}
