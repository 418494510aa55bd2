package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/pkg/errs"
)

// backups is a provisioner that counts what is imported, and says why one broke
// off.
type backups struct {
	provisionerv1.UnimplementedBackupServiceServer
	calls

	broke chan error
}

func (b *backups) ImportBackup(stream grpc.ClientStreamingServer[provisionerv1.ImportBackupRequest, provisionerv1.Backup]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	b.note(stream.Context(), first.GetBegin())
	if first.GetBegin().GetParent() == "tenants/refused" {
		return errs.New(errs.FailedPrecondition, "RESTORE_JOB_MISSING", "no restore job")
	}
	size := int64(0)
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(&provisionerv1.Backup{Name: first.GetBegin().GetParent() + "/backups/import-1", SizeBytes: size})
		}
		if err != nil {
			b.broke <- err
			return err
		}
		size += int64(len(req.GetData()))
	}
}

const importAcme = "/v1/tenants/acme/backups:import?revision=blueprints/helpdesk/revisions/1.0.0&cell=cells/eu-1"

func TestImportBackup(t *testing.T) {
	f := open(t)
	large := strings.Repeat("tickets ", 1<<20) // more than any other body may have
	a := f.send(t, http.MethodPost, importAcme, large, adminToken)
	if a.status != http.StatusOK || a.field("name") != "tenants/acme/backups/import-1" || a.field("sizeBytes") != "8388608" {
		t.Errorf("answered %d %s", a.status, a.text)
	}
	begin, _ := f.backups.last().request.(*provisionerv1.ImportBackupRequest_Begin)
	if begin.GetRevision() != "blueprints/helpdesk/revisions/1.0.0" || begin.GetCell() != "cells/eu-1" || f.backups.last().principal.Name != "tokens/admin" {
		t.Errorf("asked for %v by %v", begin, f.backups.last().principal)
	}
	wantProblem(t, f.send(t, http.MethodPost, strings.ReplaceAll(importAcme, "acme", "refused"), large, adminToken), http.StatusBadRequest, "RESTORE_JOB_MISSING")
	wantProblem(t, f.send(t, http.MethodPost, importAcme, "x", "Authorization: Bearer view"), http.StatusForbidden, "PERMISSION_MISSING")
	wantProblem(t, f.send(t, http.MethodPost, importAcme, "x"), http.StatusUnauthorized, "TOKEN_MISSING")
	wantProblem(t, f.send(t, http.MethodPost, importAcme+"&size=1", "x", adminToken), http.StatusBadRequest, "PARAMETER_MALFORMED")
	wantProblem(t, f.send(t, http.MethodPost, importAcme+"&sha256=1", "x", adminToken), http.StatusBadRequest, "INVALID_REQUEST")
}

// A body that breaks off is no end: the call is cut, not finished.
func TestImportBackupBreaksOff(t *testing.T) {
	f := open(t)
	f.backups.broke = make(chan error, 1)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url+importAcme, io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), brokenBody{}))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer adm")
	if resp, err := f.client.Do(req); err == nil {
		_ = resp.Body.Close()
		t.Errorf("answered %s", resp.Status)
	}
	wantLeft(t, "a broken body", f.backups.broke)
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }
