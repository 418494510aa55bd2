package server

import (
	"context"
	"encoding/base64"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"stampworks.dev/pkg/errs"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/record"
)

// ListManifests tells what the stamps of a cell know of their tenants (AIP-132).
func (s *Server) ListManifests(ctx context.Context, req *pb.ListManifestsRequest) (*pb.ListManifestsResponse, error) {
	after, err := base64.RawURLEncoding.DecodeString(req.GetPageToken())
	if err != nil {
		return nil, badToken()
	}
	d, conn, err := s.reach(ctx, req.GetParent())
	if err != nil {
		return nil, err
	}
	if d == nil {
		return pb.NewStampServiceClient(conn).ListManifests(ctx, req)
	}
	a, can := d.(driver.Adopter)
	if !can {
		return nil, errs.New(errs.Unimplemented, "MANIFESTS_NOT_KEPT", "the kind of %s keeps no manifests beside its stamps", req.GetParent())
	}
	all, failed := a.Manifests(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	n := int(req.GetPageSize())
	if n <= 0 {
		n = defaultPage
	}
	n = min(n, maxPage)
	res := &pb.ListManifestsResponse{}
	if failed != nil && len(after) == 0 {
		res.Unreadable = strings.Split(failed.Error(), "\n")
	}
	for _, m := range all {
		switch {
		case m.Tenant+" "+m.UID <= string(after):
		case len(res.GetManifests()) == n:
			last := res.GetManifests()[n-1]
			res.NextPageToken = base64.RawURLEncoding.EncodeToString([]byte(record.TenantID(last.GetTenant()) + " " + last.GetTenantUid()))
			return res, nil
		default:
			one, err := manifest(m, req.GetParent())
			if err != nil {
				res.Unreadable = append(res.Unreadable, err.Error())
				continue
			}
			res.Manifests = append(res.Manifests, one)
		}
	}
	return res, nil
}

// manifest is what may be told of one: no rendered component, no secret.
func manifest(m driver.Manifest, cell string) (*pb.StampManifest, error) {
	out := &pb.StampManifest{Tenant: record.TenantName(m.Tenant), TenantUid: m.UID, Cell: cell, Revision: m.Revision, Generation: m.Generation}
	if m.Recovery == nil {
		return out, nil
	}
	out.Wish = &registryv1.Tenant{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(m.Recovery.Tenant, out.Wish); err != nil {
		return nil, errs.New(errs.Internal, "MANIFEST_DAMAGED", "read the tenant in the manifest of %q: %w", m.Tenant, err)
	}
	out.Wish.RestoreFrom = m.Recovery.Restoring // only what it does not have yet
	return out, nil
}
