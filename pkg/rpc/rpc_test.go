package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/internal/echo"
	"stampworks.dev/pkg/rpc/rpctest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs the echo service as tenant-registry.
func serve(t *testing.T, h echo.Handler) *rpctest.Server {
	t.Helper()
	return serveWith(t, rpc.ServerDeps{}, h)
}

func serveWith(t *testing.T, deps rpc.ServerDeps, h echo.Handler) *rpctest.Server {
	t.Helper()
	deps.Service = "tenant-registry"
	return rpctest.ServeWith(t, rpctest.NewAuthority(t), deps, register(t, h))
}

func register(t *testing.T, h echo.Handler) func(grpc.ServiceRegistrar) {
	return func(r grpc.ServiceRegistrar) {
		t.Helper()
		if err := echo.Register(r, h); err != nil {
			t.Fatal(err)
		}
	}
}

func repeat(_ context.Context, text string) (string, error) { return text, nil }

// wantKind fails unless err has the kind and the reason.
func wantKind(t *testing.T, err error, kind errs.Kind, reason string) *errs.Error {
	t.Helper()
	e, ok := errs.As(err)
	if !ok {
		t.Fatalf("got %v, want an *errs.Error", err)
	}
	if e.Kind != kind || e.Reason != reason {
		t.Fatalf("got %v %s (%v), want %v %s", e.Kind, e.Reason, e, kind, reason)
	}
	return e
}

// logs collects what a server logs.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logs) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: level}))
}

// chat opens a stream and sends one note on it; what comes back is the answer
// or the error that ended the stream.
func chat(t *testing.T, ctx context.Context, conn grpc.ClientConnInterface, method, text string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	s, err := echo.Stream(ctx, conn, method)
	if err != nil {
		return "", err
	}
	if err := echo.Send(s, text); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return echo.Recv(s)
}
