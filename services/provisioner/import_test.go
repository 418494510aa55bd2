package provisioner_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner/driver/memory"
)

// savable can be saved and brought back.
const savable = `
blueprint: savable
revision: 1.0.0
artifacts:
  tool: {file: /opt/tool, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
plans:
  standard: {resources: {default: {cpu: 100m, memory: 64Mi}}}
components:
  db:
    artifact: tool
    volumes: [data]
    run: tool serve
    backup: tool copy ${volumes.data} ${backup}
    restore: tool copy ${backup} ${volumes.data}
`

func packed(t *testing.T, name, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Typeflag: tar.TypeReg, Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// bring imports a tar, in small pieces.
func bring(ctx context.Context, backups pb.BackupServiceClient, begin *pb.ImportBackupRequest_Begin, text []byte) (*pb.Backup, error) {
	stream, err := backups.ImportBackup(ctx)
	if err != nil {
		return nil, err
	}
	err = stream.Send(&pb.ImportBackupRequest{Piece: &pb.ImportBackupRequest_Begin_{Begin: begin}})
	for len(text) > 0 && err == nil {
		n := min(300, len(text))
		err = stream.Send(&pb.ImportBackupRequest{Piece: &pb.ImportBackupRequest_Data{Data: text[:n]}})
		text = text[n:]
	}
	return stream.CloseAndRecv()
}

func TestImportBackup(t *testing.T) {
	p, disk := newPlant(t), &memory.Disk{}
	p.revision = p.registry.Publish(t, savable)
	cell := memory.New(memory.Config{Disk: disk, Job: disk.Job})
	conn := p.start("one", cell)
	far := pb.NewBackupServiceClient(p.start("two", memory.New(memory.Config{FirstPort: 30000})))
	near := pb.NewBackupServiceClient(conn)
	dump := packed(t, "tickets", "7 open")
	begin := &pb.ImportBackupRequest_Begin{Parent: "tenants/acme", Revision: p.revision, Cell: "cells/one", Sha256: sumOf(dump)}
	for n, backups := range []pb.BackupServiceClient{near, far} {
		var b *pb.Backup
		testkit.Eventually(t, soon, func() (err error) { // until both replicas know of each other
			b, err = bring(p.as("operator"), backups, begin, dump)
			return err
		})
		want := fmt.Sprintf("tenants/acme/backups/import-%d", n+1)
		if b.GetName() != want || b.GetReason() != pb.Backup_IMPORTED || b.GetFiles() != 1 || b.GetSizeBytes() != 6 || b.GetExpireTime() == nil || b.GetComponents()[0] != "db" {
			t.Errorf("imported %v, want %s", b, want)
		}
	}
	p.registry.Wish("acme", func(t *registryv1.Tenant) {
		t.Blueprint, t.Plan, t.Cell, t.RestoreFrom = p.revision, "standard", "cells/one", "tenants/acme/backups/import-1"
	})
	op := p.wait(longrunningpb.NewOperationsClient(conn), "operations/acme.1")
	if op.GetError() != nil {
		t.Fatal(op.GetError())
	}
	var found []string
	for file, text := range disk.Files("/memory") {
		if strings.Contains(file, "data") && strings.HasSuffix(file, "/tickets") {
			found = append(found, text)
		}
	}
	if len(found) != 1 || found[0] != "7 open" {
		t.Errorf("the customer has %v of %v", found, disk.Files("/memory"))
	}
}

func TestImportBackupRefused(t *testing.T) {
	p := newPlant(t)
	revision := p.registry.Publish(t, savable)
	cell := memory.New(memory.Config{})
	backups := pb.NewBackupServiceClient(p.start("one", cell))
	dump := packed(t, "tickets", "7 open")
	for name, tc := range map[string]struct {
		revision, cell, sha256, role string
		text                         []byte
		reason                       string
	}{
		"another sum":    {revision, "cells/one", sumOf(nil), "operator", dump, "IMPORT_DIGEST_DIFFERS"},
		"no tar":         {revision, "cells/one", "", "operator", bytes.Repeat([]byte("x"), 2000), "IMPORT_REFUSED"},
		"cut off":        {revision, "cells/one", "", "operator", dump[:514], "IMPORT_REFUSED"},
		"no end":         {revision, "cells/one", "", "operator", dump[:1024], "IMPORT_REFUSED"},
		"half an end":    {revision, "cells/one", "", "operator", dump[:len(dump)-512], "IMPORT_REFUSED"},
		"no restore job": {p.revision, "cells/one", "", "operator", dump, "RESTORE_JOB_MISSING"},
		"no such cell":   {revision, "cells/none", "", "operator", dump, "CELL_UNREACHABLE"},
		"sales":          {revision, "cells/one", "", "sales", dump, "PERMISSION_MISSING"},
	} {
		begin := &pb.ImportBackupRequest_Begin{Parent: "tenants/acme", Revision: tc.revision, Cell: tc.cell, Sha256: tc.sha256}
		if _, err := bring(p.as(tc.role), backups, begin, tc.text); errs.ReasonOf(err) != tc.reason {
			t.Errorf("%s: %v, want %s", name, err, tc.reason)
		}
	}
	unknown := &pb.ImportBackupRequest_Begin{Parent: "tenants/acme", Revision: "blueprints/savable/revisions/9.9.9", Cell: "cells/one"}
	if _, err := bring(p.as("operator"), backups, unknown, dump); !errs.Is(err, errs.NotFound) || !strings.Contains(err.Error(), unknown.GetRevision()) {
		t.Errorf("of an unknown revision: %v", err)
	}
	all, err := backups.ListBackups(p.ctx(), &pb.ListBackupsRequest{Parent: "tenants/-"})
	if err != nil || len(all.GetBackups()) > 0 || len(cell.Backups()) > 0 {
		t.Errorf("left behind: %v, %v, %v", all, cell.Backups(), err)
	}
}
