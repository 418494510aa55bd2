package tenantregistry_test

import (
	"context"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/types/known/structpb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/pkg/rpc/rpctest"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	tenantregistry "stampworks.dev/services/tenant-registry"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const recipe = `blueprint: helpdesk
revision: 1.0.0
description: A ticket desk.
artifacts:
  web: {host: python3}
inputs:
  seats: {type: INT, required: true, minimum: 1, maximum: 100}
  colour: {type: STRING, default: blue}
plans:
  starter: {}
  pro: {extends: starter}
components:
  app:
    artifact: web
    ports: {http: 8000}
    run: python3 -m http.server ${app.http.port}
    ready: {http: http}
endpoint: app.http
`

// registry is one replica over real gRPC with mTLS, and clients of it.
type registry struct {
	cfg       tenantregistry.Config
	authority *rpctest.Authority
	tenants   registryv1.TenantServiceClient
	catalog   registryv1.BlueprintServiceClient
	cells     registryv1.CellServiceClient
	intake    registryv1.IntakeServiceClient
	reports   registryv1.ReportServiceClient // as the provisioner
	admin     string
	stop      func()
}

// start runs a replica on a prefix of its own, with the recipe published.
func start(t testing.TB) *registry {
	t.Helper()
	r := replica(t, tenantregistry.Config{Prefix: testkit.Prefix(t), DataDir: t.TempDir()}, rpctest.NewAuthority(t))
	if _, err := r.catalog.CreateRevision(ctx(t), &registryv1.CreateRevisionRequest{Parent: "blueprints/helpdesk", Revision: &registryv1.Revision{Source: recipe}}); err != nil {
		t.Fatal(err)
	}
	return r
}

// replica runs one more of them.
func replica(t testing.TB, base tenantregistry.Config, authority *rpctest.Authority) *registry {
	t.Helper()
	cfg := tenantregistry.Default()
	cfg.Prefix, cfg.DataDir, cfg.Etcd = base.Prefix, base.DataDir, etcd.Config{Endpoints: testkit.Etcd(t).Endpoints}
	cfg.GRPC.Listen, cfg.TLS = "127.0.0.1:0", authority.TLS(t, "tenant-registry")
	cfg.Admin.Listen = "127.0.0.1:0"
	running, cancel := context.WithCancel(context.Background())
	reporting, err := telemetry.Setup(running, telemetry.Config{Service: tenantregistry.Name}, telemetry.Deps{})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	service, err := tenantregistry.New(running, cfg, tenantregistry.Deps{Log: testkit.Logger(t), Telemetry: reporting})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- service.Run(running) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
	t.Cleanup(stop)
	server := &rpctest.Server{Authority: authority, Service: "tenant-registry", Addr: service.Addr()}
	gateway, provisioner := server.Dial(t, "gateway"), server.Dial(t, "provisioner")
	return &registry{
		cfg: cfg, authority: authority, stop: stop, admin: service.AdminAddr(),
		tenants: registryv1.NewTenantServiceClient(gateway), catalog: registryv1.NewBlueprintServiceClient(gateway),
		cells: registryv1.NewCellServiceClient(gateway), intake: registryv1.NewIntakeServiceClient(gateway),
		reports: registryv1.NewReportServiceClient(provisioner),
	}
}

// ctx is a caller with all permissions.
func ctx(t testing.TB) context.Context {
	t.Helper()
	c, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return rpc.WithPrincipal(c, rpc.Principal{Name: "tokens/admin", Role: identity.Admin})
}

func wish(display string) *registryv1.Tenant {
	return &registryv1.Tenant{
		DisplayName: display, Blueprint: "blueprints/helpdesk", Plan: "starter",
		Inputs: map[string]*structpb.Value{"seats": structpb.NewNumberValue(5)},
	}
}

func (r *registry) create(t testing.TB, id string) *longrunningpb.Operation {
	t.Helper()
	op, err := r.tenants.CreateTenant(ctx(t), &registryv1.CreateTenantRequest{TenantId: id, Tenant: wish(id)})
	if err != nil {
		t.Fatal(err)
	}
	return op
}

func (r *registry) get(t testing.TB, id string) *registryv1.Tenant {
	t.Helper()
	tenant, err := r.tenants.GetTenant(ctx(t), &registryv1.GetTenantRequest{Name: "tenants/" + id})
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

// report says that the present generation came to a phase.
func (r *registry) report(t testing.TB, id string, phase registryv1.TenantStatus_Phase, revision int64) error {
	t.Helper()
	now := r.get(t, id)
	_, err := r.reports.ReportStatus(context.Background(), &registryv1.ReportStatusRequest{Name: now.GetName(), Uid: now.GetUid(), Status: &registryv1.TenantStatus{
		ObservedGeneration: now.GetGeneration(), Phase: phase, Token: 1, StampRevision: revision, Url: "http://127.0.0.1:20001", Cell: "cells/eu-1", Revision: now.GetBlueprint(),
		Failure: &typev1.Failure{Message: "port is taken"},
	}})
	return err
}

func metadata(t testing.TB, op *longrunningpb.Operation) *typev1.OperationMetadata {
	t.Helper()
	meta := &typev1.OperationMetadata{}
	if err := op.GetMetadata().UnmarshalTo(meta); err != nil {
		t.Fatal(err)
	}
	return meta
}

// reason checks that an error has a kind and a reason, as the caller sees it.
func reason(t testing.TB, what string, err error, kind errs.Kind, want string) *errs.Error {
	t.Helper()
	e, ok := errs.As(err)
	if !ok || e.Kind != kind || e.Reason != want {
		t.Errorf("%s: %v (%s), want %s %s", what, err, errs.ReasonOf(err), kind, want)
		return &errs.Error{}
	}
	return e
}
