package probe

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	grpchealth "google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/durationpb"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// fakeChecker answers for exec probes.
type fakeChecker struct {
	ok      bool
	message string
	err     error
}

func (f fakeChecker) Check(context.Context, string, string) (bool, string, error) {
	return f.ok, f.message, f.err
}

func TestHTTP(t *testing.T) {
	hang := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/bad":
			w.WriteHeader(http.StatusInternalServerError)
		case "/moved":
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		case "/hang":
			<-hang
		}
	}))
	defer srv.Close()
	defer close(hang)
	for _, tc := range []struct {
		path    string
		status  int32
		ok      bool
		message string
	}{
		{"/", 0, true, "HTTP 200"},
		{"/bad", 0, false, "HTTP 500"},
		{"/bad", 500, true, "HTTP 500"},
		{"/", 204, false, "HTTP 200"},
		{"/moved", 0, false, "HTTP 302"},
		{"/hang", 0, false, "no answer within 100ms"},
	} {
		a, learned := New(nil).Ask(t.Context(), "acme", "app", &provisionerv1.ProbeTarget{
			Url: srv.URL + tc.path, Status: tc.status, Timeout: durationpb.New(100 * time.Millisecond),
		})
		if !learned || a.OK != tc.ok || a.Message != tc.message {
			t.Errorf("%s: got ok=%v %q (learned %v), want ok=%v %q", tc.path, a.OK, a.Message, learned, tc.ok, tc.message)
		}
	}
}

func TestSlowIsSeen(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	a, _ := New(nil).Ask(t.Context(), "acme", "app", &provisionerv1.ProbeTarget{
		Url: srv.URL, Slow: durationpb.New(time.Nanosecond),
	})
	if !a.OK || !a.Slow {
		t.Errorf("got ok=%v slow=%v, want both", a.OK, a.Slow)
	}
}

func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := &provisionerv1.ProbeTarget{Tcp: l.Addr().String()}
	if a, _ := New(nil).Ask(t.Context(), "acme", "db", target); !a.OK {
		t.Errorf("open port: %q", a.Message)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	a, learned := New(nil).Ask(t.Context(), "acme", "db", target)
	if !learned || a.OK || a.Message != "connection refused" {
		t.Errorf("closed port: ok=%v %q", a.OK, a.Message)
	}
}

func TestGRPC(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv, state := grpc.NewServer(), grpchealth.NewServer()
	healthpb.RegisterHealthServer(srv, state)
	go func() { _ = srv.Serve(l) }()
	defer srv.Stop()
	target := &provisionerv1.ProbeTarget{Grpc: l.Addr().String()}
	if a, _ := New(nil).Ask(t.Context(), "acme", "api", target); !a.OK {
		t.Errorf("serving: %q", a.Message)
	}
	state.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	if a, _ := New(nil).Ask(t.Context(), "acme", "api", target); a.OK || a.Message != "NOT_SERVING" {
		t.Errorf("not serving: ok=%v %q", a.OK, a.Message)
	}
}

func TestExecGoesThroughTheProvisioner(t *testing.T) {
	exec := &provisionerv1.ProbeTarget{Exec: true}
	if a, _ := New(fakeChecker{ok: true, message: "exit 0"}).Ask(t.Context(), "acme", "worker", exec); !a.OK {
		t.Errorf("good: %q", a.Message)
	}
	a, learned := New(fakeChecker{message: "exit 1: no heartbeat"}).Ask(t.Context(), "acme", "worker", exec)
	if !learned || a.OK || !strings.Contains(a.Message, "no heartbeat") {
		t.Errorf("bad: ok=%v %q", a.OK, a.Message)
	}
}

func TestALostProvisionerMakesNothingUnhealthy(t *testing.T) {
	lost := fakeChecker{err: errors.New("unavailable")}
	if _, learned := New(lost).Ask(t.Context(), "acme", "worker", &provisionerv1.ProbeTarget{Exec: true}); learned {
		t.Error("a provisioner that is away was taken for an answer")
	}
}
