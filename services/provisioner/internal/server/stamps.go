package server

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/internal/record"
)

// GetStamp reads one stamp with its ledger (AIP-131), its processes as they
// are at this moment.
func (s *Server) GetStamp(ctx context.Context, req *pb.GetStampRequest) (*pb.Stamp, error) {
	v, err := s.read(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	out := unlabelled(v.Value)
	out.RecordRevision = v.ModRevision
	return s.observe(ctx, req, out), nil
}

// read finds a stamp by its resource name.
func (s *Server) read(ctx context.Context, name string) (store.Versioned[*pb.Stamp], error) {
	tenant, err := record.ParseStampName(name)
	if err != nil {
		return store.Versioned[*pb.Stamp]{}, err
	}
	p, err := s.Placements.Get(ctx, tenant)
	if err == nil {
		var v store.Versioned[*pb.Stamp]
		if v, err = s.Stamps.Get(ctx, record.StampID(p.Value.GetCell(), tenant)); err == nil {
			return v, nil
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return store.Versioned[*pb.Stamp]{}, errs.New(errs.NotFound, "STAMP_NOT_FOUND", "there is no stamp of tenant %q", tenant)
	}
	return store.Versioned[*pb.Stamp]{}, err
}

// ListStamps reads all stamps, without their ledgers (AIP-132).
func (s *Server) ListStamps(ctx context.Context, req *pb.ListStampsRequest) (*pb.ListStampsResponse, error) {
	if req.GetParent() != "tenants/-" {
		return nil, errs.Invalid("PARENT_INVALID", errs.Violation{Field: "parent", Description: `must be "tenants/-"`})
	}
	after, err := base64.RawURLEncoding.DecodeString(req.GetPageToken())
	if err != nil {
		return nil, errs.Invalid("PAGE_TOKEN_INVALID", errs.Violation{Field: "page_token", Description: "is not from the last response"})
	}
	all, _, err := s.Stamps.List(ctx)
	if err != nil {
		return nil, err
	}
	n := int(req.GetPageSize())
	if n <= 0 {
		n = defaultPage
	}
	n = min(n, maxPage)
	res := &pb.ListStampsResponse{}
	for _, v := range all {
		switch {
		case v.Key <= string(after):
		case len(res.GetStamps()) == n:
			last := res.GetStamps()[n-1]
			key := s.Store.Stamps.Key(record.StampID(record.CellID(last.GetCell()), record.TenantID(last.GetName())))
			res.NextPageToken = base64.RawURLEncoding.EncodeToString([]byte(key))
			return res, nil
		default:
			res.Stamps = append(res.Stamps, brief(v))
		}
	}
	return res, nil
}

// unlabelled is a stamp without the labels of what runs: they are of no use
// outside, and are made from secrets, too.
func unlabelled(stamp *pb.Stamp) *pb.Stamp {
	out := proto.CloneOf(stamp)
	for _, c := range out.GetComponents() {
		c.Digest = ""
	}
	return out
}

// brief is a stamp without its ledger.
func brief(v store.Versioned[*pb.Stamp]) *pb.Stamp {
	out := unlabelled(v.Value)
	out.Ledger, out.RecordRevision = nil, v.ModRevision
	return out
}

// WatchStamps sends what there is, then "synced", then every change. All
// watches share the cache's one.
func (s *Server) WatchStamps(req *pb.WatchStampsRequest, to grpc.ServerStreamingServer[pb.WatchStampsResponse]) error {
	events, why := s.Stamps.Subscribe(to.Context(), req.GetAfterRevision())
	for ev := range events {
		out := &pb.WatchStampsResponse{Revision: ev.Revision}
		switch ev.Type {
		case store.Put:
			out.Type, out.Stamp = pb.WatchStampsResponse_PUT, brief(ev.Item)
		case store.Delete:
			_, tenant, _ := strings.Cut(ev.ID, "/")
			out.Type, out.Stamp = pb.WatchStampsResponse_REMOVED, &pb.Stamp{Name: record.StampName(tenant)}
		case store.Synced:
			out.Type = pb.WatchStampsResponse_SYNCED
		default:
			out.Type = pb.WatchStampsResponse_PROGRESS
		}
		if err := to.Send(out); err != nil {
			return err
		}
	}
	err := why()
	if errors.Is(err, store.ErrCompacted) { // the kind is OUT_OF_RANGE on the wire
		return errs.New(errs.TooLarge, "REVISION_COMPACTED", "revision %d is forgotten: list again", req.GetAfterRevision())
	}
	return err
}
