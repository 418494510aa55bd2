package interceptor_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"buf.build/go/protovalidate"
	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/pkg/rpc/interceptor"
	"stampworks.dev/pkg/rpc/rpcerr"
)

// through sends a call through the whole chain, without a network.
func through(t *testing.T, ctx context.Context, method string, handler func(context.Context) error) error {
	t.Helper()
	validator, err := protovalidate.New()
	if err != nil {
		t.Fatal(err)
	}
	chain, err := interceptor.Chain(interceptor.Deps{
		Log: slog.New(slog.DiscardHandler), Meter: noop.NewMeterProvider().Meter(""), Validator: validator, TestIdentity: true, Server: context.Background(),
	})
	if err != nil {
		t.Fatal(err)
	}
	call := &interceptor.Call{Method: method, Request: &emptypb.Empty{}, OnMessage: func(func(any) error) {}}
	next := handler
	for _, i := range slices.Backward(chain) {
		inner := next
		next = func(ctx context.Context) error { return i(ctx, call, inner) }
	}
	return rpcerr.FromError(next(ctx), "server")
}

// from gives the context of a call by a service, as a principal if one is named.
func from(service, principal, role string) context.Context {
	md := metadata.MD{}
	for key, value := range map[string]string{identity.TestPeerKey: service, identity.PrincipalKey: principal, identity.RoleKey: role} {
		if value != "" {
			md.Set(key, value)
		}
	}
	ctx := peer.NewContext(context.Background(), &peer.Peer{})
	return metadata.NewIncomingContext(ctx, md)
}

func ok(context.Context) error { return nil }

func TestForeignMethods(t *testing.T) {
	for _, c := range []struct {
		method, service, role string
		reason                string
	}{
		{"/grpc.health.v1.Health/Check", "", "", ""},
		{"/grpc.health.v1.Health/Watch", "", "", ""},
		{"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "health", "", ""},
		{"/google.longrunning.Operations/GetOperation", "gateway", "viewer", ""},
		{"/google.longrunning.Operations/WaitOperation", "gateway", "viewer", ""},
		{"/google.longrunning.Operations/CancelOperation", "gateway", "viewer", "PERMISSION_MISSING"},
		{"/google.longrunning.Operations/CancelOperation", "gateway", "operator", ""},
		{"/google.longrunning.Operations/GetOperation", "health", "", "CALLER_NOT_ALLOWED"},
		{"/google.longrunning.Operations/GetOperation", "", "", "PEER_UNKNOWN"},
		{"/google.longrunning.Operations/Unheard", "gateway", "admin", "METHOD_WITHOUT_ACCESS"},
		{"/no.such.Service/Method", "gateway", "admin", "METHOD_WITHOUT_ACCESS"},
	} {
		principal := ""
		if c.role != "" {
			principal = "tokens/ann"
		}
		err := through(t, from(c.service, principal, c.role), c.method, ok)
		if got := errs.ReasonOf(err); got != c.reason {
			t.Errorf("%s by %q as %q: %v, want %q", c.method, c.service, c.role, err, c.reason)
		}
	}
}

func TestARefusedCallNeverReachesTheHandler(t *testing.T) {
	err := through(t, from("health", "", ""), "/google.longrunning.Operations/GetOperation", func(context.Context) error {
		t.Error("the handler ran")
		return nil
	})
	if !errs.Is(err, errs.PermissionDenied) {
		t.Errorf("got %v", err)
	}
}

func TestTheHandlerSeesWhoCallsAndADeadline(t *testing.T) {
	err := through(t, from("gateway", "tokens/ann", "viewer"), "/google.longrunning.Operations/GetOperation", func(ctx context.Context) error {
		if p, _ := identity.PrincipalFrom(ctx); p != (identity.Principal{Name: "tokens/ann", Role: "viewer"}) || identity.PeerFrom(ctx) != "gateway" {
			t.Errorf("got %v, %q", p, identity.PeerFrom(ctx))
		}
		if _, set := ctx.Deadline(); !set {
			t.Error("no deadline")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestErrorsKeepTheirCauseForTheLogAlone(t *testing.T) {
	cause := errors.New("secret")
	err := interceptor.Errors()(t.Context(), &interceptor.Call{}, func(context.Context) error { return cause })
	if !errors.Is(err, cause) {
		t.Error("the cause is lost to the log")
	}
	s, _ := status.FromError(err)
	if s.Message() != rpcerr.HiddenMessage {
		t.Errorf("the caller reads %q", s.Message())
	}
}

func TestAnAnonymousConnectionHasNoPeer(t *testing.T) {
	err := interceptor.Peer(true)(context.Background(), &interceptor.Call{}, ok)
	if errs.ReasonOf(err) != "NO_PEER" {
		t.Errorf("got %v", err)
	}
}

func TestTheStreamAdapterPassesTheContextOn(t *testing.T) {
	type key struct{}
	add := func(ctx context.Context, call *interceptor.Call, next func(context.Context) error) error {
		if !call.Stream || call.Request != nil {
			t.Errorf("call %+v", call)
		}
		return next(context.WithValue(ctx, key{}, "seen"))
	}
	err := interceptor.Stream(add)(nil, bareStream{}, &grpc.StreamServerInfo{FullMethod: "/a/b"}, func(_ any, ss grpc.ServerStream) error {
		if ss.Context().Value(key{}) != "seen" {
			t.Error("the handler has another context")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

type bareStream struct{ grpc.ServerStream }

func (bareStream) Context() context.Context { return context.Background() }
