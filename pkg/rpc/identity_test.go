package rpc_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/metadata"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/pkg/rpc/internal/echo"
	"stampworks.dev/pkg/rpc/rpctest"
)

// whoami answers with peer, principal and role.
func whoami(ctx context.Context, _ string) (string, error) {
	p, _ := rpc.PrincipalFrom(ctx)
	return identity.PeerFrom(ctx) + " " + p.Name + " " + p.Role, nil
}

func TestAServiceActsAsItself(t *testing.T) {
	conn := serve(t, whoami).Dial(t, "health")
	got, err := echo.Call(t.Context(), conn, "CreateNote", "x")
	if err != nil || got != "health services/health service" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTheGatewayActsForOthers(t *testing.T) {
	conn := serve(t, whoami).Dial(t, "gateway")
	for _, c := range []struct {
		method string
		role   string
		want   string
		reason string
	}{
		{"CreateNote", "admin", "gateway tokens/ann admin", ""},
		{"CreateNote", "operator", "gateway tokens/ann operator", ""},
		{"CreateNote", "viewer", "", "PERMISSION_MISSING"},
		{"GetNote", "viewer", "gateway tokens/ann viewer", ""},
		{"GetNote", "service", "", "PRINCIPAL_INVALID"},
		{"GetNote", "root", "", "PRINCIPAL_INVALID"},
		{"GetNote", "", "", "PRINCIPAL_INVALID"},
	} {
		ctx := rpc.WithPrincipal(t.Context(), rpc.Principal{Name: "tokens/ann", Role: c.role})
		got, err := echo.Call(ctx, conn, c.method, "x")
		if c.reason != "" {
			_ = wantKind(t, err, errs.PermissionDenied, c.reason)
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s as %s: got %q, %v; want %q", c.method, c.role, got, err, c.want)
		}
	}
	got, err := chat(t, rpc.WithPrincipal(t.Context(), rpc.Principal{Name: "tokens/ann", Role: "viewer"}), conn, "WatchNotes", "x")
	if err != nil || got != "gateway tokens/ann viewer" {
		t.Errorf("stream: got %q, %v", got, err)
	}
	_, err = chat(t, rpc.WithPrincipal(t.Context(), rpc.Principal{Name: "tokens/ann", Role: "viewer"}), conn, "Chat", "x")
	_ = wantKind(t, err, errs.PermissionDenied, "PERMISSION_MISSING")
}

func TestWithPrincipalReplaces(t *testing.T) {
	conn := serve(t, whoami).Dial(t, "gateway")
	ctx := rpc.WithPrincipal(t.Context(), rpc.Principal{Name: "tokens/ann", Role: "admin"})
	ctx = rpc.WithPrincipal(ctx, rpc.Principal{Name: "tokens/bob", Role: "viewer"})
	if got, err := echo.Call(ctx, conn, "GetNote", "x"); err != nil || got != "gateway tokens/bob viewer" {
		t.Errorf("got %q, %v", got, err)
	}
	ctx = metadata.AppendToOutgoingContext(ctx, identity.RoleKey, "admin")
	_, err := echo.Call(ctx, conn, "GetNote", "x")
	_ = wantKind(t, err, errs.Unauthenticated, "METADATA_REPEATED")
}

func TestOnlyTheGatewayActsForOthers(t *testing.T) {
	conn := serve(t, whoami).Dial(t, "health")
	ctx := rpc.WithPrincipal(t.Context(), rpc.Principal{Name: "tokens/ann", Role: "admin"})
	_, err := echo.Call(ctx, conn, "CreateNote", "x")
	_ = wantKind(t, err, errs.PermissionDenied, "PRINCIPAL_NOT_YOURS")
}

func TestACallerThatTheMethodDoesNotNameIsRefused(t *testing.T) {
	conn := serve(t, whoami).Dial(t, "health")
	_, err := echo.Call(t.Context(), conn, "GetNote", "x")
	_ = wantKind(t, err, errs.PermissionDenied, "CALLER_NOT_ALLOWED")
	_, err = chat(t, t.Context(), conn, "Chat", "x")
	_ = wantKind(t, err, errs.PermissionDenied, "CALLER_NOT_ALLOWED")
	_, err = echo.Call(t.Context(), conn, "NoCallers", "x")
	_ = wantKind(t, err, errs.PermissionDenied, "CALLER_NOT_ALLOWED")
}

func TestAMethodWithoutAccessOptionIsRefused(t *testing.T) {
	conn := serve(t, whoami).Dial(t, "gateway")
	_, err := echo.Call(t.Context(), conn, "Bare", "x")
	_ = wantKind(t, err, errs.PermissionDenied, "METHOD_WITHOUT_ACCESS")
}

func TestTheTestPeerMetadataIsIgnoredOverTLS(t *testing.T) {
	conn := serve(t, whoami).Dial(t, "health")
	ctx := metadata.AppendToOutgoingContext(t.Context(), identity.TestPeerKey, "gateway")
	_, err := echo.Call(ctx, conn, "GetNote", "x")
	_ = wantKind(t, err, errs.PermissionDenied, "CALLER_NOT_ALLOWED")
}

func TestACertificateOfAnotherAuthorityIsRefused(t *testing.T) {
	var served atomic.Int32
	srv := serve(t, func(context.Context, string) (string, error) { served.Add(1); return "", nil })
	foreign := rpctest.NewAuthority(t).TLS(t, "gateway")
	own := srv.Authority.TLS(t, "gateway")
	for name, files := range map[string]rpc.TLSConfig{
		"server does not know the client": {CA: own.CA, Cert: foreign.Cert, Key: foreign.Key},
		"client does not know the server": {CA: foreign.CA, Cert: own.Cert, Key: own.Key},
	} {
		conn, err := rpc.Dial(rpc.ClientConfig{Target: srv.Addr, TLS: files, Server: srv.Service}, rpc.ClientDeps{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = echo.Call(t.Context(), conn, "GetNote", "x")
		e := wantKind(t, err, errs.Unavailable, "UNAVAILABLE")
		if e.Message != "tenant-registry is not reachable" {
			t.Errorf("%s: the caller reads %q", name, e.Message)
		}
		_ = conn.Close()
	}
	if served.Load() != 0 {
		t.Error("the handler was reached")
	}
}

func TestTheServerMustBeTheExpectedService(t *testing.T) {
	srv := serve(t, whoami)
	conn, err := rpc.Dial(rpc.ClientConfig{Target: srv.Addr, TLS: srv.Authority.TLS(t, "gateway"), Server: "provisioner"}, rpc.ClientDeps{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = echo.Call(t.Context(), conn, "GetNote", "x")
	e := wantKind(t, err, errs.Unavailable, "UNAVAILABLE")
	if cause := strings.ReplaceAll(e.Unwrap().Error(), `\`, ""); !strings.Contains(cause, `it is "tenant-registry", want "provisioner"`) {
		t.Errorf("the cause is %v", e.Unwrap())
	}
}

func TestWithoutTLS(t *testing.T) {
	if _, err := rpc.NewServer(rpc.ServerConfig{Listen: "0.0.0.0:0"}, rpc.ServerDeps{}); err == nil || !strings.Contains(err.Error(), "tls must be configured") {
		t.Fatalf("a server without TLS listens everywhere: %v", err)
	}
	for name, c := range map[string]struct {
		trust  bool
		reason string
	}{"anonymous": {false, "PEER_UNKNOWN"}, "in a test": {true, ""}} {
		t.Run(name, func(t *testing.T) {
			srv, err := rpc.NewServer(rpc.ServerConfig{Listen: "127.0.0.1:0"}, rpc.ServerDeps{TestIdentity: c.trust})
			if err != nil {
				t.Fatal(err)
			}
			register(t, whoami)(srv.Registrar())
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- srv.Serve(ctx) }()
			defer func() { cancel(); t.Log("served until the end:", <-done) }()
			conn, err := rpc.Dial(rpc.ClientConfig{Target: srv.Addr()}, rpc.ClientDeps{Service: "gateway"})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			got, err := echo.Call(t.Context(), conn, "GetNote", "x")
			if c.reason != "" {
				_ = wantKind(t, err, errs.Unauthenticated, c.reason)
			} else if err != nil || got != "gateway services/gateway service" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}
