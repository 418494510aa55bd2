package rpc_test

import (
	"context"
	"testing"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/internal/echo"
	"stampworks.dev/pkg/rpc/rpctest"
)

func TestHealthAndReflectionAnswerAnyService(t *testing.T) {
	conn := serve(t, repeat).Dial(t, "provisioner")
	got, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil || got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health: got %v, %v", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	list := &reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}
	if err := s.Send(list); err != nil {
		t.Fatal(err)
	}
	answer, err := s.Recv()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, svc := range answer.GetListServicesResponse().GetService() {
		found = found || svc.GetName() == echo.Service
	}
	if !found {
		t.Errorf("reflection does not list %s: %v", echo.Service, answer)
	}
}

// start runs a server whose end the test decides.
func start(t *testing.T, stopWithin time.Duration, h echo.Handler) (srv *rpctest.Server, stop func() error) {
	t.Helper()
	a := rpctest.NewAuthority(t)
	s, err := rpc.NewServer(rpc.ServerConfig{Listen: "127.0.0.1:0", TLS: a.TLS(t, "tenant-registry")}, rpc.ServerDeps{StopWithin: stopWithin})
	if err != nil {
		t.Fatal(err)
	}
	register(t, h)(s.Registrar())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(cancel)
	return &rpctest.Server{Authority: a, Service: "tenant-registry", Addr: s.Addr()}, func() error { cancel(); return <-done }
}

func TestARunningCallEndsBeforeTheServerDoes(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	srv, stop := start(t, 10*time.Second, func(context.Context, string) (string, error) {
		close(entered)
		<-release
		return "finished", nil
	})
	conn := srv.Dial(t, "gateway")
	watch, err := healthpb.NewHealthClient(conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	answer := make(chan string, 1)
	go func() {
		got, _ := echo.Call(context.Background(), conn, "GetNote", "x")
		answer <- got
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for {
		got, err := watch.Recv()
		if err != nil { // the stream may end before its last word is sent
			_ = wantKind(t, err, errs.Unavailable, "SERVER_STOPPING")
			break
		}
		if got.GetStatus() == healthpb.HealthCheckResponse_NOT_SERVING {
			break
		}
	}
	close(release)
	if got := <-answer; got != "finished" {
		t.Errorf("the running call got %q", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestAWatchEndsWhenTheServerBeginsToStop(t *testing.T) {
	entered := make(chan struct{}, 10)
	srv, stop := start(t, time.Minute, func(ctx context.Context, _ string) (string, error) {
		entered <- struct{}{}
		<-ctx.Done()
		return "", ctx.Err()
	})
	conn := srv.Dial(t, "gateway")
	failed := make(chan error, 1)
	go func() {
		_, err := chat(t, context.Background(), conn, "WatchNotes", "x")
		failed <- err
	}()
	<-entered
	if err := stop(); err != nil {
		t.Errorf("serve: %v", err)
	}
	// The client tries elsewhere first, and finds nobody.
	if err := <-failed; !errs.Is(err, errs.Unavailable) {
		t.Errorf("the watch ended with %v", err)
	}
}

func TestAStreamThatDoesNotListenIsCutAtTheStopDeadline(t *testing.T) {
	srv, stop := start(t, 50*time.Millisecond, func(ctx context.Context, _ string) (string, error) { return "first", nil })
	conn := srv.Dial(t, "gateway")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := echo.Stream(ctx, conn, "Chat")
	if err != nil {
		t.Fatal(err)
	}
	if err := echo.Send(s, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := echo.Recv(s); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Errorf("serve: %v", err)
	}
	_, err = echo.Recv(s)
	_ = wantKind(t, err, errs.Unavailable, "UNAVAILABLE")
}

func TestAServerThatIsNeverServedCloses(t *testing.T) {
	s, err := rpc.NewServer(rpc.ServerConfig{Listen: "127.0.0.1:0"}, rpc.ServerDeps{})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	again, err := rpc.NewServer(rpc.ServerConfig{Listen: s.Addr()}, rpc.ServerDeps{})
	if err != nil {
		t.Fatalf("the address is still in use: %v", err)
	}
	again.Close()
}

// TestAnEndBeforeTheBeginningIsNoError: a signal may come while a service
// starts.
func TestAnEndBeforeTheBeginningIsNoError(t *testing.T) {
	a := rpctest.NewAuthority(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 { // which comes first is a race
		s, err := rpc.NewServer(rpc.ServerConfig{Listen: "127.0.0.1:0", TLS: a.TLS(t, "tenant-registry")}, rpc.ServerDeps{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(over); err != nil {
			t.Fatal(err)
		}
	}
}
