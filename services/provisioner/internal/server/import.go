package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/record"
)

const (
	// importWithin is how long an import may take; one that is cut short is swept
	// after that.
	importWithin = 12 * time.Hour
	// importKept is how long an import waits for a tenant that begins with it, and
	// stays.
	importKept = 30 * 24 * time.Hour
)

type importStream = grpc.ClientStreamingServer[pb.ImportBackupRequest, pb.Backup]

// ImportBackup keeps what was made by hand, for a tenant that is to begin with it
// (AIP-136). Where the cell is reached by another replica, that one does.
func (s *Server) ImportBackup(stream importStream) error {
	ctx, cancel := context.WithTimeout(stream.Context(), importWithin)
	defer cancel()
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	begin := first.GetBegin()
	if begin == nil {
		return errs.Invalid("BEGIN_MISSING", errs.Violation{Field: "begin", Description: "must be in the first message"})
	}
	components, err := s.restores(ctx, begin.GetRevision())
	if err != nil {
		return err
	}
	d, conn, err := s.reach(ctx, begin.GetCell())
	if err != nil {
		return err
	}
	var b *pb.Backup
	if d == nil {
		b, err = passImport(ctx, pb.NewBackupServiceClient(conn), first, stream)
	} else {
		b, err = s.keepImport(ctx, d, begin, components, stream)
	}
	if err != nil {
		return err
	}
	return stream.SendAndClose(b)
}

// restores names the components of a revision that can bring data back.
func (s *Server) restores(ctx context.Context, revision string) ([]string, error) {
	_, err := s.Blueprints.GetRevision(ctx, &registryv1.GetRevisionRequest{Name: revision})
	if errs.Is(err, errs.NotFound) {
		return nil, errs.New(errs.NotFound, "REVISION_NOT_FOUND", "there is no %s: publish it, or name a revision that is there", revision).Because(err)
	}
	if err != nil {
		return nil, err
	}
	recipe, err := s.Recipes.Get(ctx, revision)
	if err != nil {
		return nil, err
	}
	all := recipe.Message().GetComponents()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name].GetRestore() != nil {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, errs.New(errs.FailedPrecondition, "RESTORE_JOB_MISSING", "%s has no restore job, so nothing can be brought in: publish a revision with one", revision)
	}
	return names, nil
}

// keepImport writes down what is about to be there, keeps it, and writes down that
// it is. What fails is dropped; what a crash leaves is swept when its time is over.
func (s *Server) keepImport(ctx context.Context, d driver.Driver, begin *pb.ImportBackupRequest_Begin, components []string, stream importStream) (*pb.Backup, error) {
	importer, ok := d.(driver.Importer)
	keep, keeps := d.(driver.Keeper)
	if !ok || !keeps {
		return nil, errs.New(errs.FailedPrecondition, "IMPORT_UNSUPPORTED", "%s cannot take what was made elsewhere: choose another cell", begin.GetCell())
	}
	b := &pb.Backup{
		TenantUid: driver.ImportUID + strings.ToLower(rand.Text()), Reason: pb.Backup_IMPORTED, Revision: begin.GetRevision(), Components: components,
		Cell: begin.GetCell(), ExpireTime: timestamppb.New(time.Now().Add(2 * importWithin)),
	}
	id, err := s.addImport(ctx, record.TenantID(begin.GetParent()), b)
	if err != nil {
		return nil, err
	}
	tenant := record.TenantID(begin.GetParent())
	noted := proto.CloneOf(b)
	noted.CreateTime, noted.ExpireTime = timestamppb.Now(), timestamppb.New(time.Now().Add(importKept))
	note, err := engine.NoteOf(noted)
	if err != nil {
		return nil, err
	}
	kept, err := importer.ImportBackup(ctx, driver.BackupRef{Tenant: tenant, UID: b.GetTenantUid(), ID: id}, note, &pieces{stream: stream, want: begin.GetSha256(), sum: sha256.New()})
	if err == nil {
		b.SizeBytes, b.Files, b.Digest = kept.SizeBytes, int32(kept.Files), kept.Digest
		b.CreateTime, b.ExpireTime = timestamppb.Now(), timestamppb.New(time.Now().Add(importKept))
		_, err = s.Store.Backups.Update(ctx, record.BackupID(tenant, id), func(into *pb.Backup) error {
			into.SizeBytes, into.Files, into.Digest = b.GetSizeBytes(), b.GetFiles(), b.GetDigest()
			into.CreateTime, into.ExpireTime = b.GetCreateTime(), b.GetExpireTime()
			return nil
		})
	}
	if err != nil {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return nil, errors.Join(err, engine.DropBackup(late, s.Store, keep, b))
	}
	return b, nil
}

// addImport writes the record down under the next number.
func (s *Server) addImport(ctx context.Context, tenant string, b *pb.Backup) (string, error) {
	for n := 1; ; n++ {
		id := fmt.Sprintf("import-%d", n)
		b.Name = record.BackupName(tenant, id)
		_, err := s.Store.Backups.Create(ctx, record.BackupID(tenant, id), b)
		if errors.Is(err, store.ErrExists) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("note import %q: %w", b.GetName(), err)
		}
		return id, nil
	}
}

// pieces are the bytes of an import. Its end is one only when they are what was
// said.
type pieces struct {
	stream importStream
	want   string
	sum    hash.Hash
	rest   []byte
}

func (p *pieces) Read(into []byte) (int, error) {
	for len(p.rest) == 0 {
		req, err := p.stream.Recv()
		if errors.Is(err, io.EOF) {
			return 0, p.end()
		}
		if err != nil {
			return 0, err
		}
		p.rest = req.GetData()
		_, _ = p.sum.Write(p.rest) // a hash takes it
	}
	n := copy(into, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *pieces) end() error {
	if got := hex.EncodeToString(p.sum.Sum(nil)); p.want != "" && got != p.want {
		return errs.New(errs.InvalidArgument, "IMPORT_DIGEST_DIFFERS", "what came has the SHA-256 %s, not %s: send it again", got, p.want)
	}
	return io.EOF
}

// passImport hands an import on to the replica that reaches the cell.
func passImport(ctx context.Context, peer pb.BackupServiceClient, first *pb.ImportBackupRequest, from importStream) (*pb.Backup, error) {
	to, err := peer.ImportBackup(ctx)
	if err != nil {
		return nil, err
	}
	for req := first; ; {
		if err := to.Send(req); err != nil {
			break // the answer says why
		}
		if req, err = from.Recv(); errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return to.CloseAndRecv()
}
