package provisioner_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/admin"
	"stampworks.dev/pkg/rpc/rpctest"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
	"stampworks.dev/services/provisioner/internal/registrytest"
)

const soon = 20 * time.Second

const tiny = `
blueprint: tiny
revision: 1.0.0
artifacts:
  tiny: {file: /opt/tiny, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
plans:
  standard: {resources: {default: {cpu: 100m, memory: 1Gi}}}
components:
  app:
    artifact: tiny
    run: tiny serve
    ready: {exec: tiny ping, timeout: 5s}
smoke:
  - {component: app, exec: tiny smoke, timeout: 1s}
`

func TestMain(m *testing.M) { testkit.Main(m) }

// plant is replicas with one registry and one etcd.
type plant struct {
	t         *testing.T
	authority *rpctest.Authority
	registry  *registrytest.Registry
	server    *rpctest.Server
	prefix    string
	key       string
	revision  string
	taskIdle  time.Duration
}

func newPlant(t *testing.T) *plant {
	p := &plant{t: t, authority: rpctest.NewAuthority(t), registry: registrytest.New(), prefix: testkit.Prefix(t), key: t.TempDir() + "/key"}
	p.server = rpctest.ServeWith(t, p.authority, rpc.ServerDeps{Service: "tenant-registry"}, p.registry.Register)
	p.revision = p.registry.Publish(t, tiny)
	return p
}

// start runs a replica with a memory cell and gives a connection as the gateway.
func (p *plant) start(cell string, d driver.Driver) *grpc.ClientConn {
	p.t.Helper()
	conn, _ := p.launch(cell, provisioner.Deps{Drivers: map[string]driver.Driver{cell: d}}, cell)
	return conn
}

// launch runs a replica of that name; stop, which the end of the test calls too,
// ends it.
func (p *plant) launch(name string, deps provisioner.Deps, cell string) (conn *grpc.ClientConn, stop func()) {
	p.t.Helper()
	return p.launchOn(p.config(name, cell), deps)
}

// config is that of a replica with a data directory of its own.
func (p *plant) config(name, cell string) provisioner.Config {
	p.t.Helper()
	cfg := provisioner.Default()
	cfg.GRPC, cfg.TLS = provisioner.Listen{Listen: "127.0.0.1:0"}, p.authority.TLS(p.t, "provisioner")
	cfg.Admin = admin.Config{Listen: "127.0.0.1:0"}
	cfg.Etcd = etcd.Config{Endpoints: testkit.Etcd(p.t).Endpoints}
	cfg.Registry = provisioner.Target{Target: p.server.Addr}
	cfg.Prefix, cfg.DataDir, cfg.SecretKeyFile, cfg.Replica = p.prefix, p.t.TempDir(), p.key, name
	cfg.Cell = provisioner.CellConfig{Name: cell, Driver: "memory"}
	cfg.TaskIdle = p.taskIdle
	return cfg
}

// launchOn runs a replica of that configuration.
func (p *plant) launchOn(cfg provisioner.Config, deps provisioner.Deps) (conn *grpc.ClientConn, stop func()) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	deps.Log = testkit.Logger(p.t)
	s, err := provisioner.New(ctx, cfg, deps)
	if err != nil {
		cancel()
		p.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			p.t.Errorf("run: %v", err)
		}
	})
	p.t.Cleanup(stop)
	conn, err = rpc.Dial(rpc.ClientConfig{Target: s.Addr(), TLS: p.authority.TLS(p.t, "gateway"), Server: "provisioner"}, rpc.ClientDeps{Service: "gateway"})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = conn.Close() })
	return conn, stop
}

func (p *plant) ctx() context.Context {
	return rpc.WithPrincipal(p.t.Context(), rpc.Principal{Name: "tokens/admin", Role: "admin"})
}

func (p *plant) create(id string) {
	p.registry.Wish(id, func(t *registryv1.Tenant) { t.Blueprint, t.Plan = p.revision, "standard" })
}

func TestServiceFromWishToAnswer(t *testing.T) {
	p := newPlant(t)
	cell := memory.New(memory.Config{
		Allocatable: map[string]int64{"memory_bytes": 3 << 30},
		Lines:       func(driver.Component) []string { return []string{"one", "two"} },
	})
	conn := p.start("one", cell)
	ops, stamps := longrunningpb.NewOperationsClient(conn), pb.NewStampServiceClient(conn)
	p.create("acme")

	op, err := ops.WaitOperation(p.ctx(), &longrunningpb.WaitOperationRequest{Name: "operations/acme.1", Timeout: durationpb.New(soon)})
	if err != nil || !op.GetDone() {
		t.Fatalf("wait: %v, %v", op, err)
	}
	var tenant registryv1.Tenant
	if err := op.GetResponse().UnmarshalTo(&tenant); err != nil || tenant.GetStatus().GetPhase() != registryv1.TenantStatus_DONE {
		t.Errorf("response %v, %v: want the tenant, done", op.GetResponse(), err)
	}
	var m typev1.OperationMetadata
	if err := op.GetMetadata().UnmarshalTo(&m); err != nil || m.GetState() != typev1.OperationMetadata_SUCCEEDED || m.GetProgress() == "" {
		t.Errorf("metadata %v, %v", &m, err)
	}

	stamp, err := stamps.GetStamp(p.ctx(), &pb.GetStampRequest{Name: "tenants/acme/stamp"})
	if err != nil || len(stamp.GetLedger()) == 0 || stamp.GetRecordRevision() == 0 {
		t.Errorf("stamp %v, %v", stamp, err)
	}
	list, err := stamps.ListStamps(p.ctx(), &pb.ListStampsRequest{Parent: "tenants/-"})
	if err != nil || len(list.GetStamps()) != 1 || len(list.GetStamps()[0].GetLedger()) != 0 {
		t.Errorf("stamps %v, %v", list, err)
	}
	if got := p.logs(stamps); got != "app: one\napp: two\n" {
		t.Errorf("logs %q", got)
	}
	p.readiness(conn)
	p.listsOperations(ops)
	p.refuses(ops, stamps)
}

func (p *plant) logs(stamps pb.StampServiceClient) string {
	p.t.Helper()
	stream, err := stamps.ReadLogs(p.ctx(), &pb.ReadLogsRequest{Name: "tenants/acme/stamp"})
	if err != nil {
		p.t.Fatal(err)
	}
	var all strings.Builder
	for {
		line, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return all.String()
		}
		if err != nil {
			p.t.Fatalf("read logs: %v", err)
		}
		fmt.Fprintf(&all, "%s: %s\n", line.GetComponent(), line.GetLine())
	}
}

func (p *plant) readiness(conn *grpc.ClientConn) {
	p.t.Helper()
	answer, err := pb.NewReadinessServiceClient(conn).EvaluateReadiness(p.ctx(), &pb.EvaluateReadinessRequest{Blueprint: "blueprints/tiny"})
	if err != nil {
		p.t.Fatal(err)
	}
	if want := "YES: 2 more standard copies fit (memory is tightest). Speed: unknown, one stamping so far."; answer.GetSentence() != want {
		p.t.Errorf("got %s\nwant %s", answer.GetSentence(), want)
	}
	if _, err := pb.NewReadinessServiceClient(conn).EvaluateReadiness(p.ctx(), &pb.EvaluateReadinessRequest{Blueprint: "blueprints/tiny", Plan: "gold"}); !errs.Is(err, errs.NotFound) {
		p.t.Errorf("a plan that does not exist: %v", err)
	}
}

func (p *plant) listsOperations(ops longrunningpb.OperationsClient) {
	p.t.Helper()
	for filter, want := range map[string]int{"": 1, `metadata.tenant="tenants/acme"`: 1, `metadata.tenant="tenants/nobody"`: 0} {
		list, err := ops.ListOperations(p.ctx(), &longrunningpb.ListOperationsRequest{Name: "operations", Filter: filter})
		if err != nil || len(list.GetOperations()) != want {
			p.t.Errorf("filter %q: %d, %v; want %d", filter, len(list.GetOperations()), err, want)
		}
	}
}

// refuses makes calls that cannot be answered.
func (p *plant) refuses(ops longrunningpb.OperationsClient, stamps pb.StampServiceClient) {
	p.t.Helper()
	_, list := ops.ListOperations(p.ctx(), &longrunningpb.ListOperationsRequest{Filter: "done=true"})
	_, future := ops.GetOperation(p.ctx(), &longrunningpb.GetOperationRequest{Name: "operations/acme.9"})
	_, nobody := ops.GetOperation(p.ctx(), &longrunningpb.GetOperationRequest{Name: "operations/nobody.1"})
	_, name := ops.GetOperation(p.ctx(), &longrunningpb.GetOperationRequest{Name: "operations/acme"})
	_, over := ops.CancelOperation(p.ctx(), &longrunningpb.CancelOperationRequest{Name: "operations/acme.1"})
	_, remove := ops.DeleteOperation(p.ctx(), &longrunningpb.DeleteOperationRequest{Name: "operations/acme.1"})
	_, stamp := stamps.GetStamp(p.ctx(), &pb.GetStampRequest{Name: "tenants/nobody/stamp"})
	for _, c := range []struct {
		what string
		err  error
		kind errs.Kind
	}{
		{"another filter", list, errs.InvalidArgument},
		{"a generation to come", future, errs.NotFound},
		{"no such tenant", nobody, errs.NotFound},
		{"no generation", name, errs.InvalidArgument},
		{"cancelling what has ended", over, errs.FailedPrecondition},
		{"deleting", remove, errs.Unimplemented},
		{"no such stamp", stamp, errs.NotFound},
	} {
		if !errs.Is(c.err, c.kind) {
			p.t.Errorf("%s: %v (%s), want %s", c.what, c.err, errs.KindOf(c.err), c.kind)
		}
	}
}

func TestQueuedOperationNeedsNoRecord(t *testing.T) {
	p := newPlant(t)
	p.registry.Cordon("one", true)
	conn := p.start("one", memory.New(memory.Config{}))
	ops := longrunningpb.NewOperationsClient(conn)
	p.create("acme")
	testkit.Eventually(t, soon, func() error {
		op, err := ops.GetOperation(p.ctx(), &longrunningpb.GetOperationRequest{Name: "operations/acme.1"})
		if err != nil || op.GetDone() {
			return fmt.Errorf("%v, %w", op, err)
		}
		return nil
	})
	if _, err := ops.CancelOperation(p.ctx(), &longrunningpb.CancelOperationRequest{Name: "operations/acme.1"}); err != nil {
		t.Fatal(err)
	}
	op, err := ops.WaitOperation(p.ctx(), &longrunningpb.WaitOperationRequest{Name: "operations/acme.1", Timeout: durationpb.New(soon)})
	if err != nil || op.GetError().GetCode() != 1 {
		t.Errorf("cancelled before it began: %v, %v", op, err)
	}
	testkit.Eventually(t, soon, func() error {
		told := p.registry.Timeline("acme")
		if len(told) == 0 || told[len(told)-1] != "acme.1 operation.cancelled tokens/admin: The operation acme.1 is to end at its next step" {
			return fmt.Errorf("timeline %q", told)
		}
		return nil
	})
	p.create("acme") // a newer generation
	began := time.Now()
	op, err = ops.WaitOperation(p.ctx(), &longrunningpb.WaitOperationRequest{Name: "operations/acme.2", Timeout: durationpb.New(100 * time.Millisecond)})
	if err != nil || op.GetDone() || time.Since(began) > 5*time.Second {
		t.Errorf("a wait that times out gives the operation as it is: %v, %v", op, err)
	}
}

func TestCallsGoToTheReplicaThatReachesTheCell(t *testing.T) {
	p := newPlant(t)
	lines := func(driver.Component) []string { return []string{"one", "two"} }
	first := p.start("one", memory.New(memory.Config{Lines: lines}))
	second := p.start("two", memory.New(memory.Config{Lines: lines, FirstPort: 30000}))
	p.create("acme")
	op, err := longrunningpb.NewOperationsClient(first).WaitOperation(p.ctx(), &longrunningpb.WaitOperationRequest{Name: "operations/acme.1", Timeout: durationpb.New(soon)})
	if err != nil || !op.GetDone() {
		t.Fatalf("wait: %v, %v", op, err)
	}
	for name, conn := range map[string]*grpc.ClientConn{"first": first, "second": second} {
		if got := p.logs(pb.NewStampServiceClient(conn)); got != "app: one\napp: two\n" {
			t.Errorf("%s: logs %q", name, got)
		}
	}
}
