// Package rpctest gives tests a real server and real clients with mutual TLS:
// an authority per test, a server for the services under test, and connections
// as any service.
package rpctest

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc"

	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/pki"
)

// Authority issues certificates in a directory of the test.
type Authority struct{ dir string }

// NewAuthority makes one that ends with the test.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	dir := t.TempDir()
	if err := pki.CreateCA(dir); err != nil {
		t.Fatal(err)
	}
	return &Authority{dir: dir}
}

// TLS gives the files of a service.
func (a *Authority) TLS(t testing.TB, service string) rpc.TLSConfig {
	t.Helper()
	files, err := pki.Issue(a.dir, service)
	if err != nil {
		t.Fatal(err)
	}
	return rpc.TLSConfig{CA: files.CA, Cert: files.Cert, Key: files.Key}
}

// Server is a running server of one service.
type Server struct {
	Authority *Authority
	// Service is the server's own name.
	Service string
	// Addr is where it listens.
	Addr string
}

// Serve starts a server of the named service that ends with the test.
func Serve(t testing.TB, service string, register func(grpc.ServiceRegistrar)) *Server {
	t.Helper()
	return ServeWith(t, NewAuthority(t), rpc.ServerDeps{Service: service}, register)
}

// ServeWith is Serve with an authority and dependencies of the test's own.
func ServeWith(t testing.TB, a *Authority, deps rpc.ServerDeps, register func(grpc.ServiceRegistrar)) *Server {
	t.Helper()
	if deps.StopWithin == 0 {
		deps.StopWithin = time.Second
	}
	srv, err := rpc.NewServer(rpc.ServerConfig{Listen: "127.0.0.1:0", TLS: a.TLS(t, deps.Service)}, deps)
	if err != nil {
		t.Fatal(err)
	}
	register(srv.Registrar())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("serve: %v", err)
		}
	})
	return &Server{Authority: a, Service: deps.Service, Addr: srv.Addr()}
}

// Dial connects as the named service; the connection ends with the test.
func (s *Server) Dial(t testing.TB, as string) *grpc.ClientConn {
	t.Helper()
	return s.DialWith(t, as, rpc.ClientDeps{})
}

// DialWith is Dial with dependencies of the test's own.
func (s *Server) DialWith(t testing.TB, as string, deps rpc.ClientDeps) *grpc.ClientConn {
	t.Helper()
	deps.Service = as
	conn, err := rpc.Dial(rpc.ClientConfig{Target: s.Addr, TLS: s.Authority.TLS(t, as), Server: s.Service}, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
