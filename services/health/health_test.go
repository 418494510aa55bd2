package health

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/rpctest"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/pkg/testkit"
)

// provisioner is one that has some stamps to tell of.
type provisioner struct {
	provisionerv1.UnimplementedStampServiceServer
	stamps []*provisionerv1.Stamp
}

func (p *provisioner) WatchStamps(_ *provisionerv1.WatchStampsRequest, s grpc.ServerStreamingServer[provisionerv1.WatchStampsResponse]) error {
	for _, stamp := range p.stamps {
		if err := s.Send(&provisionerv1.WatchStampsResponse{Type: provisionerv1.WatchStampsResponse_PUT, Stamp: stamp, Revision: 1}); err != nil {
			return err
		}
	}
	if err := s.Send(&provisionerv1.WatchStampsResponse{Type: provisionerv1.WatchStampsResponse_SYNCED, Revision: 1}); err != nil {
		return err
	}
	<-s.Context().Done()
	return nil
}

func (p *provisioner) CheckComponent(context.Context, *provisionerv1.CheckComponentRequest) (*provisionerv1.CheckComponentResponse, error) {
	return &provisionerv1.CheckComponentResponse{Ok: true, Message: "exit 0"}, nil
}

// customer is a product's endpoint that can be broken and mended.
type customer struct {
	broken atomic.Bool
	url    string
}

func newCustomer(t *testing.T) *customer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &customer{url: "http://" + l.Addr().String()}
	srv := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if c.broken.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return c
}

func stampOf(url string) *provisionerv1.Stamp {
	return &provisionerv1.Stamp{
		Name: "tenants/acme/stamp", TenantUid: "u1", DisplayName: "Acme Rockets", Url: url, EndpointPath: "/readyz",
		Cell: "cells/local", Lifecycle: provisionerv1.Stamp_RUNNING, Generation: 1, DoneGeneration: 1,
		Components: []*provisionerv1.ComponentStatus{
			{Name: "app", Wanted: true, Probe: &provisionerv1.ProbeTarget{Url: url, Every: durationpb.New(100 * time.Millisecond)}},
			{Name: "worker", Wanted: true, DependsOn: []string{"app"}, Probe: &provisionerv1.ProbeTarget{Exec: true}},
		},
	}
}

// plant is a provisioner and an etcd, for any number of health services.
type plant struct {
	authority *rpctest.Authority
	upstream  string
	prefix    string
	etcd      []string
	telemetry *telemetry.Telemetry
	hide      bool   // tenants in metrics
	kind      string // of the cells; default local
}

func newPlant(t *testing.T, p *provisioner) *plant {
	t.Helper()
	a := rpctest.NewAuthority(t)
	upstream := rpctest.ServeWith(t, a, rpc.ServerDeps{Service: "provisioner"}, func(r grpc.ServiceRegistrar) {
		provisionerv1.RegisterStampServiceServer(r, p)
	})
	return &plant{authority: a, upstream: upstream.Addr, prefix: testkit.Prefix(t), etcd: testkit.Etcd(t).Endpoints, telemetry: telemetry.Discard()}
}

// run starts a replica. The client calls it as the gateway does; stop, which
// the end of the test calls too, ends it.
func (p *plant) run(t *testing.T, replica string) (client healthv1.HealthServiceClient, stop func()) {
	t.Helper()
	return p.runIn(t, replica, "local")
}

// runIn starts a replica that reaches a cell.
func (p *plant) runIn(t *testing.T, replica, cell string) (client healthv1.HealthServiceClient, stop func()) {
	t.Helper()
	cfg := Default()
	cfg.GRPC.Listen, cfg.Prefix, cfg.Replica, cfg.DataDir = "127.0.0.1:0", p.prefix, replica, t.TempDir()
	cfg.Etcd = etcd.Config{Endpoints: p.etcd}
	cfg.Metrics.HideTenants, cfg.Cell.Name, cfg.Cell.Driver = p.hide, cell, cmp.Or(p.kind, "local")
	cfg.Provisioner.Target, cfg.TLS = p.upstream, p.authority.TLS(t, "health")
	svc, err := New(t.Context(), cfg, Deps{Log: testkit.Logger(t), Telemetry: p.telemetry})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- svc.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	conn, err := rpc.Dial(rpc.ClientConfig{Target: svc.Addr(), TLS: p.authority.TLS(t, "gateway"), Server: "health"}, rpc.ClientDeps{Service: "gateway"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return healthv1.NewHealthServiceClient(conn), stop
}

// start runs the only replica.
func start(t *testing.T, stamp *provisionerv1.Stamp) healthv1.HealthServiceClient {
	t.Helper()
	client, _ := newPlant(t, &provisioner{stamps: []*provisionerv1.Stamp{stamp}}).run(t, "one")
	return client
}

func await(t *testing.T, c healthv1.HealthServiceClient, want typev1.HealthState, sentence string) {
	t.Helper()
	testkit.Eventually(t, 20*time.Second, func() error {
		h, err := c.GetTenantHealth(t.Context(), &healthv1.GetTenantHealthRequest{Name: "tenants/acme/health"})
		if err != nil {
			return err
		}
		if h.GetState() != want || h.GetSummary() != sentence {
			return fmt.Errorf("got %v %q", h.GetState(), h.GetSummary())
		}
		return nil
	})
}

const up = "Acme Rockets is up: all 2 parts serve, and the customer's address answers."

func TestOutageIsSeenAndEnds(t *testing.T) {
	t.Parallel()
	desk := newCustomer(t)
	client := start(t, stampOf(desk.url))
	await(t, client, typev1.HealthState_HEALTHY, up)
	desk.broken.Store(true)
	await(t, client, typev1.HealthState_UNHEALTHY, down)
	fleet, err := client.GetFleetHealth(t.Context(), &healthv1.GetFleetHealthRequest{})
	if err != nil || fleet.GetCounts()["UNHEALTHY"] != 1 || len(fleet.GetTroubled()) != 1 {
		t.Errorf("fleet: %v, %v", fleet, err)
	}
	desk.broken.Store(false)
	await(t, client, typev1.HealthState_HEALTHY, up)
}

func TestNotMeantToRun(t *testing.T) {
	stamp := stampOf("http://127.0.0.1:1")
	stamp.Lifecycle = provisionerv1.Stamp_STOPPED
	client := start(t, stamp)
	await(t, client, typev1.HealthState_NOT_RUNNING, "Acme Rockets is not running: its copy is stopped, its data kept.")
}

func TestNames(t *testing.T) {
	client := start(t, stampOf("http://127.0.0.1:1"))
	for name, kind := range map[string]errs.Kind{
		"tenants/nobody/health": errs.NotFound, "tenants//health": errs.InvalidArgument, "x": errs.InvalidArgument,
	} {
		_, err := client.GetTenantHealth(t.Context(), &healthv1.GetTenantHealthRequest{Name: name})
		var known *errs.Error
		if !errors.As(err, &known) || known.Kind != kind {
			t.Errorf("%q: got %v, want %v", name, err, kind)
		}
	}
}

func TestConfigNamesAllThatIsMissing(t *testing.T) {
	err := Config{}.Validate()
	for _, want := range []string{"etcd.endpoints", "provisioner.target", "prefix", "replica", "data_dir"} {
		if err == nil || !strings.Contains(err.Error(), want+" is not set") {
			t.Errorf("got %v, want it to name %s", err, want)
		}
	}
}

func TestMain(m *testing.M) { testkit.Main(m) }
