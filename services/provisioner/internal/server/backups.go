package server

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/emptypb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/record"
)

// GetBackup reads one backup (AIP-131).
func (s *Server) GetBackup(ctx context.Context, req *pb.GetBackupRequest) (*pb.Backup, error) {
	return s.backup(ctx, req.GetName())
}

// backup reads a backup that is there.
func (s *Server) backup(ctx context.Context, name string) (*pb.Backup, error) {
	v, err := s.Store.KeptBackup(ctx, name)
	return v.Value, err
}

// ListBackups reads a tenant's backups, newest first, or those of all tenants in
// the order of their names (AIP-132, AIP-159).
func (s *Server) ListBackups(ctx context.Context, req *pb.ListBackupsRequest) (*pb.ListBackupsResponse, error) {
	tenant, ok := strings.CutPrefix(req.GetParent(), "tenants/")
	if !ok || tenant == "" || strings.Contains(tenant, "/") {
		return nil, errs.Invalid("PARENT_INVALID", errs.Violation{Field: "parent", Description: `must be like "tenants/acme", or "tenants/-"`})
	}
	token, err := base64.RawURLEncoding.DecodeString(req.GetPageToken())
	if err != nil {
		return nil, badToken()
	}
	n := int(req.GetPageSize())
	if n <= 0 {
		n = defaultPage
	}
	n = min(n, maxPage)
	if tenant == "-" {
		return s.allBackups(ctx, n, string(token))
	}
	return s.backupsOf(ctx, tenant, n, string(token))
}

func badToken() error {
	return errs.Invalid("PAGE_TOKEN_INVALID", errs.Violation{Field: "page_token", Description: "is not from the last response"})
}

// allBackups reads a page after the id that was the last before; nothing else
// of what there may be a lot of.
func (s *Server) allBackups(ctx context.Context, n int, after string) (*pb.ListBackupsResponse, error) {
	if after != "" && store.CheckID(after) != nil {
		return nil, badToken()
	}
	page, _, err := s.Store.Backups.List(ctx, store.ListOptions{StartAfter: after, Limit: n})
	if err != nil {
		return nil, err
	}
	res := &pb.ListBackupsResponse{}
	for _, v := range page {
		if v.Value.GetCreateTime() != nil {
			res.Backups = append(res.Backups, v.Value)
		}
	}
	if len(page) == n {
		res.NextPageToken = base64.RawURLEncoding.EncodeToString([]byte(s.Store.Backups.ID(page[n-1].Key)))
	}
	return res, nil
}

// backupsOf reads a page after the backup that was the last before.
func (s *Server) backupsOf(ctx context.Context, tenant string, n int, after string) (*pb.ListBackupsResponse, error) {
	all, err := s.Store.KeptBackups(ctx, tenant)
	if err != nil {
		return nil, err
	}
	if after != "" {
		at := slices.IndexFunc(all, func(b *pb.Backup) bool { return b.GetName() == after })
		if at < 0 {
			return nil, badToken()
		}
		all = all[at+1:]
	}
	res := &pb.ListBackupsResponse{Backups: all[:min(n, len(all))]}
	if len(all) > n {
		res.NextPageToken = base64.RawURLEncoding.EncodeToString([]byte(all[n-1].GetName()))
	}
	return res, nil
}

// DeleteBackup removes a backup's data, and then its record (AIP-135). Of the
// replicas that reach the cell, the one that owns the tenant's part of it does.
func (s *Server) DeleteBackup(ctx context.Context, req *pb.DeleteBackupRequest) (*emptypb.Empty, error) {
	b, err := s.backup(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	own := s.Engine.DeleteBackup(ctx, b)
	if errs.ReasonOf(own) != engine.NotOwned {
		return &emptypb.Empty{}, own
	}
	if identity.PeerFrom(ctx) == "provisioner" {
		return nil, own
	}
	others, err := s.Peers.Reaching(record.CellID(b.GetCell()))
	for _, conn := range others {
		if _, err = pb.NewBackupServiceClient(conn).DeleteBackup(ctx, req); errs.ReasonOf(err) != engine.NotOwned {
			break
		}
	}
	return &emptypb.Empty{}, err
}
