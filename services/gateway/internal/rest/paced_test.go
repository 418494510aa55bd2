package rest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/pkg/errs"
)

func TestPaced(t *testing.T) {
	for name, tc := range map[string]struct {
		piece int           // is sent at once
		every time.Duration // after the one before
		keeps time.Duration // the services take for a piece
		slow  bool
	}{
		"a byte a minute":         {piece: 1, every: 59 * time.Second, slow: true},
		"a byte a second":         {piece: 1, every: time.Second, slow: true},
		"nothing":                 {piece: 1 << 10, every: time.Hour, slow: true},
		"below the rate":          {piece: 1 << 10, every: time.Second, slow: true},
		"the rate":                {piece: 2 << 10, every: time.Second},
		"in bursts":               {piece: importLeast, every: 50 * time.Second},
		"fast, and slow services": {piece: 1 << 10, every: time.Millisecond, keeps: 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				caller, here := net.Pipe()
				var sends sync.WaitGroup
				sends.Go(func() {
					defer func() { _ = caller.Close() }()
					for range 200 {
						time.Sleep(tc.every)
						if _, err := caller.Write(make([]byte, tc.piece)); err != nil {
							return
						}
					}
				})
				begun, p := time.Now(), newPaced(here, here.SetReadDeadline, importPatience)
				piece := make([]byte, importPiece)
				n, err := p.Read(piece)
				for ; err == nil; n, err = p.Read(piece) {
					if n > 0 {
						time.Sleep(tc.keeps)
					}
				}
				took := time.Since(begun)
				_ = here.Close()
				sends.Wait()
				if tc.slow {
					if errs.ReasonOf(err) != "BODY_TOO_SLOW" || took != importPatience {
						t.Errorf("after %v: %v", took, err)
					}
				} else if !errors.Is(err, io.EOF) {
					t.Errorf("after %v: %v, want its end", took, err)
				}
			})
		})
	}
}

// taking is a provisioner that takes all.
type taking struct {
	provisionerv1.BackupServiceClient
	grpc.ClientStreamingClient[provisionerv1.ImportBackupRequest, provisionerv1.Backup]
}

func (s taking) ImportBackup(context.Context, ...grpc.CallOption) (grpc.ClientStreamingClient[provisionerv1.ImportBackupRequest, provisionerv1.Backup], error) {
	return s, nil
}

func (taking) Send(*provisionerv1.ImportBackupRequest) error { return nil }

// A caller that stops to send is answered, and let go.
func TestImportBackupTooSlow(t *testing.T) {
	server := httptest.NewServer(importBackup(taking{}, 50*time.Millisecond))
	defer server.Close()
	body, caller := io.Pipe()
	defer func() { _ = caller.Close() }()
	go func() { _, _ = caller.Write(make([]byte, 10)) }()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"?revision=r&cell=c", body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusRequestTimeout || !resp.Close || !strings.Contains(string(text), `"BODY_TOO_SLOW"`) {
		t.Errorf("answered %s %s, %v", resp.Status, text, err)
	}
}
