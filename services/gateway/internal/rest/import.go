package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/gateway/internal/edge"
	"stampworks.dev/services/gateway/internal/encoding"
	"stampworks.dev/services/gateway/internal/problem"
)

// importPattern is where a dump that was made by hand is sent to.
const importPattern = "POST /v1/tenants/{tenant}/backups:import"

const (
	// importPiece is how much is handed on at once, in bytes.
	importPiece = 256 << 10
	// importMost is the largest body, in bytes.
	importMost = 1 << 40
)

// importBackup is ImportBackup: the query is what the call begins with, the body is
// the tar, which is never held whole.
func importBackup(backups provisionerv1.BackupServiceClient, patience time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		edge.Route(r.Context(), strings.TrimPrefix(importPattern, "POST "))
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel() // ends a call that was not finished
		body := newPaced(http.MaxBytesReader(w, r.Body, importMost), http.NewResponseController(w).SetReadDeadline, patience)
		b, err := sendImport(ctx, r, body, backups)
		if err != nil {
			// The rest of the body is not waited for.
			w.Header().Set("Connection", "close")
			problem.Write(w, r, err)
			return
		}
		text, err := encoding.Message(b)
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		w.Header().Set("Content-Type", encoding.JSON)
		_, _ = w.Write(text)
	})
}

func sendImport(ctx context.Context, r *http.Request, body *paced, backups provisionerv1.BackupServiceClient) (*provisionerv1.Backup, error) {
	begin := &provisionerv1.ImportBackupRequest_Begin{Parent: "tenants/" + r.PathValue("tenant")}
	fields := map[string]*string{"revision": &begin.Revision, "cell": &begin.Cell, "sha256": &begin.Sha256}
	for name, values := range r.URL.Query() {
		into, known := fields[name]
		if !known || len(values) > 1 {
			return nil, errs.New(errs.InvalidArgument, "PARAMETER_MALFORMED", "%s: want revision, cell and sha256, each once", name)
		}
		*into = values[0]
	}
	stream, err := backups.ImportBackup(ctx)
	if err != nil {
		return nil, err
	}
	err = stream.Send(&provisionerv1.ImportBackupRequest{Piece: &provisionerv1.ImportBackupRequest_Begin_{Begin: begin}})
	if err == nil {
		err = sendBody(body, stream)
	}
	if err != nil && !errors.Is(err, io.EOF) { // then the answer says why
		return nil, err
	}
	return stream.CloseAndRecv()
}

// sendBody hands the body on, piece by piece: io.EOF when nobody takes any more.
func sendBody(body *paced, to grpc.ClientStreamingClient[provisionerv1.ImportBackupRequest, provisionerv1.Backup]) error {
	piece := make([]byte, importPiece)
	for {
		n, err := body.Read(piece)
		if n > 0 {
			if err := to.Send(&provisionerv1.ImportBackupRequest{Piece: &provisionerv1.ImportBackupRequest_Data{Data: piece[:n]}}); err != nil {
				_ = body.deadline(time.Time{})
				return err
			}
		}
		if err == nil {
			continue
		}
		if errs.ReasonOf(err) == "BODY_TOO_SLOW" {
			return err
		}
		_ = body.deadline(time.Time{})
		var over *http.MaxBytesError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &over):
			return errs.New(errs.TooLarge, "BODY_TOO_LARGE", "the body is larger than %d bytes", int64(importMost))
		}
		return errs.New(errs.InvalidArgument, "BODY_UNREADABLE", "the body ended before it was whole").Because(fmt.Errorf("read body: %w", err))
	}
}
