package provisioner_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/blueprint/preview"
	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
	"stampworks.dev/services/provisioner/internal/record"
)

const shop = `
blueprint: shop
revision: 1.0.0
artifacts:
  shop: {file: /opt/shop, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
inputs:
  seats: {type: INT, default: 25}
secrets:
  password: {}
plans:
  small: {resources: {default: {cpu: 10m, memory: 64Mi}, db: {cpu: 10m, memory: 64Mi, volumes: {data: 1Gi}}}}
  huge: {extends: small, resources: {app: {memory: 64Gi}}}
components:
  db:
    artifact: shop
    volumes: [data]
    ports: {sql: 5432}
    env: {PASSWORD: "${secrets.password}"}
    setup: shop init ${volumes.data}
    backup: shop dump ${backup}
    restore: shop load ${backup}
    run: shop db -p ${db.sql.port}
    ready: {exec: shop ping, timeout: 5s}
  app:
    artifact: shop
    ports: {http: 8080}
    env: {DB: "${db.sql.addr}", SEATS: "${inputs.seats}", COLOUR: red, PASSWORD: "${secrets.password}"}
    migrate: shop migrate
    run: shop app
  edge:
    artifact: shop
    run: shop edge --upstream ${app.http.addr}
  page:
    artifact: shop
    ports: {http: 8000}
    run: shop page ${page.http.bind}:${page.http.port}
  report:
    artifact: shop
    run: shop report ${db.sql.addr}
  clock:
    artifact: shop
    run: shop clock
endpoint: page.http
smoke:
  - {component: app, exec: shop smoke, timeout: 1s}
`

// shops publishes three revisions: 1.1.0 changes the app, 1.2.0 has another
// program, a timer in place of the clock, and a secret and a port more.
func shops(p *plant) (revisions []string, recipes []*blueprint.Recipe) {
	first := strings.Replace(shop, "http: 8000", fmt.Sprint("http: ", serves(p.t, "127.64.0.0:0")), 1) // where it is while closed
	second := strings.NewReplacer("1.0.0", "1.1.0", "red", "blue").Replace(first)
	third := strings.NewReplacer("1.1.0", "1.2.0", "9f86", "0000", "  clock:", "  timer:", "shop clock", "shop timer ${timer.http.port}\n    ports: {http: 7000}",
		"  password: {}", "  password: {}\n  token: {}", "run: shop app", "run: shop app\n    files: {token: \"${secrets.token}\"}").Replace(second)
	for _, source := range []string{first, second, third} {
		recipe, err := blueprint.Parse("shop.yaml", []byte(source))
		if err != nil {
			p.t.Fatal(err)
		}
		recipes = append(recipes, recipe)
		revisions = append(revisions, p.registry.Publish(p.t, source))
	}
	return revisions, recipes
}

// previewed asks for a preview, and checks that asking changed nothing.
func (p *plant) previewed(conn *grpc.ClientConn, cell *memory.Driver, req *pb.PreviewStampRequest) *typev1.Preview {
	p.t.Helper()
	req.Name = "tenants/acme/stamp"
	keys, calls := p.kept(), effects(cell)
	answer, err := pb.NewStampServiceClient(conn).PreviewStamp(p.ctx(), req)
	if err != nil {
		p.t.Fatal(err)
	}
	if after := p.kept(); !maps.Equal(keys, after) {
		p.t.Errorf("a preview wrote: before %v, after %v", keys, after)
	}
	if after := effects(cell); !maps.Equal(calls, after) {
		p.t.Errorf("a preview did something: before %v, after %v", calls, after)
	}
	return answer
}

// reported waits until the cell is known, so that a tenant could be placed.
func (p *plant) reported(conn *grpc.ClientConn, revision string) {
	p.t.Helper()
	testkit.Eventually(p.t, soon, func() error {
		got, err := pb.NewStampServiceClient(conn).PreviewStamp(p.ctx(), &pb.PreviewStampRequest{
			Name: "tenants/new/stamp", Tenant: &registryv1.Tenant{Blueprint: revision, Plan: "small"},
		})
		if err != nil || len(got.GetObstacles()) > 0 {
			return fmt.Errorf("%v, %w", got, err)
		}
		return nil
	})
}

// kept gives the revision of every key about tenants.
func (p *plant) kept() map[string]int64 {
	p.t.Helper()
	backend, err := etcd.New(p.t.Context(), etcd.Config{Endpoints: testkit.Etcd(p.t).Endpoints}, etcd.Deps{})
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = backend.Close() }()
	found := map[string]int64{}
	for _, kind := range []string{"stamps/", "operations/", "placements/", "secrets/", "backups/"} {
		list, err := backend.List(p.t.Context(), store.ListQuery{Prefix: p.prefix + kind})
		if err != nil {
			p.t.Fatal(err)
		}
		for _, item := range list.Items {
			found[item.Key] = item.ModRevision
		}
	}
	return found
}

func effects(cell *memory.Driver) map[string]int {
	calls := cell.Calls()
	delete(calls, "Observe")
	delete(calls, "Capacity")
	delete(calls, "Remember") // is behind an operation that has ended, not in front of it
	return calls
}

// applied waits for the operation of the present generation and gives the steps
// that ran.
func (p *plant) applied(conn *grpc.ClientConn) []string {
	p.t.Helper()
	name := fmt.Sprintf("operations/acme.%d", p.registry.Tenant("acme").GetGeneration())
	op, err := longrunningpb.NewOperationsClient(conn).WaitOperation(p.ctx(), &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(soon)})
	if err != nil || op.GetResponse() == nil {
		p.t.Fatalf("%s: %v, %v", name, op, err)
	}
	m := &typev1.OperationMetadata{}
	if err := op.GetMetadata().UnmarshalTo(m); err != nil {
		p.t.Fatal(err)
	}
	var ids []string
	for _, s := range m.GetSteps() {
		if s.GetState() == typev1.Step_DONE {
			ids = append(ids, s.GetId())
		}
	}
	slices.Sort(ids)
	return ids
}

// serves answers as the endpoint of the cell's first stamp, and gives its port.
func serves(t *testing.T, at string) int {
	t.Helper()
	listener, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	_ = server.Listener.Close() // ours instead
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return int(netip.MustParseAddrPort(listener.Addr().String()).Port())
}

func ids(p *typev1.Preview) []string {
	var all []string
	for _, s := range p.GetSteps() {
		all = append(all, s.GetId())
	}
	slices.Sort(all)
	return all
}

// told writes the components of a preview: "app CHANGE env.COLOUR [migrate]".
func told(p *typev1.Preview) string {
	var lines []string
	for _, c := range p.GetComponents() {
		line := c.GetName() + " " + c.GetAction().String()
		for _, f := range c.GetFields() {
			line += " " + f.GetPath()
		}
		for _, j := range c.GetJobs() {
			line += " [" + j + "]"
		}
		if c.GetReason() != "" {
			line += " (" + c.GetReason() + ")"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ", ")
}

func processes(s *pb.Stamp) map[string]int32 {
	pids := map[string]int32{}
	for _, c := range s.GetComponents() {
		if len(c.GetPids()) > 0 {
			pids[c.GetName()] = c.GetPids()[0]
		}
	}
	return pids
}

// TestPreviewIsWhatIsDone previews every kind of change, makes it, and compares
// the steps that ran and the processes that stayed.
func TestPreviewIsWhatIsDone(t *testing.T) {
	p := newPlant(t)
	revisions, _ := shops(p)
	disk := &memory.Disk{}
	cell := memory.New(memory.Config{
		Allocatable: map[string]int64{"memory_bytes": 8 << 30}, FirstPort: serves(t, "127.0.0.1:0"), Disk: disk,
		Job: func(_ context.Context, _ driver.Ref, m driver.Manifest, job driver.Job) (driver.JobResult, error) {
			if strings.HasPrefix(job.ID, "db.backup") {
				disk.Put(m.Site.Backup+"/dump", "tickets")
			}
			return driver.JobResult{}, nil
		},
	})
	conn := p.start("one", cell)
	p.reported(conn, revisions[0])
	seats := func(n float64) map[string]*structpb.Value {
		return map[string]*structpb.Value{"seats": structpb.NewNumberValue(n)}
	}
	for _, c := range []struct {
		name   string
		ask    *pb.PreviewStampRequest
		change func(*registryv1.Tenant)
		want   string
	}{
		{
			"creation", &pb.PreviewStampRequest{Tenant: &registryv1.Tenant{Blueprint: revisions[0], Plan: "small"}},
			func(t *registryv1.Tenant) { t.Blueprint, t.Plan = revisions[0], "small" },
			"clock CREATE, db CREATE [setup], page CREATE, app CREATE [migrate], report CREATE, edge CREATE",
		},
		{
			"an input", &pb.PreviewStampRequest{Tenant: &registryv1.Tenant{Inputs: seats(50)}},
			func(t *registryv1.Tenant) { t.Inputs = seats(50) },
			"clock NOTHING, db NOTHING, page NOTHING, app CHANGE env.SEATS, report NOTHING, edge NOTHING",
		},
		{
			"a revision", &pb.PreviewStampRequest{Tenant: &registryv1.Tenant{Blueprint: revisions[1]}},
			func(t *registryv1.Tenant) { t.Blueprint = revisions[1] },
			"clock NOTHING, db NOTHING [backup], page RESTART (customers are kept out meanwhile), app CHANGE env.COLOUR [migrate], " +
				"report RESTART (db is backed up), edge RESTART (app migrates)",
		},
		{
			"what nothing depends on", &pb.PreviewStampRequest{Tenant: &registryv1.Tenant{DisplayName: "Acme"}},
			func(t *registryv1.Tenant) { t.DisplayName = "Acme" },
			"clock NOTHING, db NOTHING, page NOTHING, app NOTHING, report NOTHING, edge NOTHING",
		},
		{
			"suspension", &pb.PreviewStampRequest{Lifecycle: pb.Stamp_STOPPED},
			func(t *registryv1.Tenant) { t.Suspended = true },
			"clock STOP, db STOP, page STOP, app STOP, report STOP, edge STOP",
		},
		{
			"resumption", &pb.PreviewStampRequest{Lifecycle: pb.Stamp_RUNNING},
			func(t *registryv1.Tenant) { t.Suspended = false },
			"clock RESTART (it does not run), db RESTART (it does not run), page RESTART (it does not run), app RESTART (it does not run), " +
				"report RESTART (it does not run), edge RESTART (it does not run)",
		},
		{
			"another program, and a component for another", &pb.PreviewStampRequest{Tenant: &registryv1.Tenant{Blueprint: revisions[2]}},
			func(t *registryv1.Tenant) { t.Blueprint = revisions[2] },
			"db CHANGE program.digest [backup], timer CREATE, page CHANGE program.digest, app CHANGE files.token program.digest [migrate], " +
				"report CHANGE program.digest, edge CHANGE program.digest, clock REMOVE",
		},
		{
			"destruction", &pb.PreviewStampRequest{Lifecycle: pb.Stamp_DESTROYED},
			func(t *registryv1.Tenant) { t.Purging = true },
			"timer REMOVE, db REMOVE, page REMOVE, app REMOVE, report REMOVE, edge REMOVE",
		},
	} {
		answer := p.previewed(conn, cell, c.ask)
		if got := told(answer); !sameWords(got, c.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
		if len(answer.GetObstacles()) > 0 || strings.Contains(answer.String(), "xxxx") {
			t.Errorf("%s: %v", c.name, answer)
		}
		before, _ := pb.NewStampServiceClient(conn).GetStamp(p.ctx(), &pb.GetStampRequest{Name: "tenants/acme/stamp"})
		p.registry.Wish("acme", c.change)
		if c.name == "destruction" {
			testkit.Eventually(t, soon, func() error {
				if !p.registry.Purged("acme") {
					return fmt.Errorf("not purged yet")
				}
				return nil
			})
			break
		}
		if ran := p.applied(conn); !slices.Equal(ids(answer), ran) {
			t.Errorf("%s: previewed %v, ran %v", c.name, ids(answer), ran)
		}
		after, err := pb.NewStampServiceClient(conn).GetStamp(p.ctx(), &pb.GetStampRequest{Name: "tenants/acme/stamp"})
		if err != nil {
			t.Fatal(err)
		}
		was, is := processes(before), processes(after)
		for _, one := range answer.GetComponents() {
			untouched := one.GetAction() == typev1.ComponentPreview_NOTHING
			if (was[one.GetName()] == is[one.GetName()]) != untouched {
				t.Errorf("%s: %s: process %d before, %d after", c.name, one, was[one.GetName()], is[one.GetName()])
			}
		}
	}
}

// sameWords compares lists whose order does not matter.
func sameWords(a, b string) bool {
	x, y := strings.Split(a, ", "), strings.Split(b, ", ")
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// TestPreviewAgreesWithTheRegistrys: what the registry says from the wishes
// alone is what the provisioner says of a stamp that is as wished.
func TestPreviewAgreesWithTheRegistrys(t *testing.T) {
	p := newPlant(t)
	revisions, recipes := shops(p)
	cell := memory.New(memory.Config{FirstPort: serves(t, "127.0.0.1:0")})
	conn := p.start("one", cell)
	p.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint, t.Plan = revisions[0], "small" })
	p.applied(conn)
	side := func(r *blueprint.Recipe) *preview.Side {
		return &preview.Side{Recipe: r, Tenant: blueprint.Tenant{ID: "acme", UID: "uid-acme", DisplayName: "acme", Plan: "small"}}
	}
	for i, revision := range revisions {
		pure, err := preview.Between(side(recipes[0]), side(recipes[i]))
		if err != nil {
			t.Fatal(err)
		}
		answer := p.previewed(conn, cell, &pb.PreviewStampRequest{Tenant: &registryv1.Tenant{Blueprint: revision}})
		if told(pure) != told(answer) || pure.GetSummary() != answer.GetSummary() {
			t.Errorf("to %s: the registry says\n%s\nthe provisioner\n%s", revision, told(pure), told(answer))
		}
	}
}

func TestPreviewSaysWhatBlocks(t *testing.T) {
	p := newPlant(t)
	revisions, _ := shops(p)
	cell := memory.New(memory.Config{Allocatable: map[string]int64{"memory_bytes": 1 << 30}, FirstPort: serves(t, "127.0.0.1:0")})
	conn := p.start("one", cell)
	asks := func(change func(*registryv1.Tenant)) *pb.PreviewStampRequest {
		t := &registryv1.Tenant{Blueprint: revisions[0], Plan: "small"}
		change(t)
		return &pb.PreviewStampRequest{Tenant: t}
	}
	p.reported(conn, revisions[0])
	bad := map[string]*structpb.Value{"seats": structpb.NewStringValue("many")}
	for _, c := range []struct {
		name, code, says string
		ask              *pb.PreviewStampRequest
		components       int
	}{
		{"no room", "CAPACITY_EXHAUSTED", "No cell has room", asks(func(t *registryv1.Tenant) { t.Plan = "huge" }), 6},
		{"another region", "NO_CELL", "No cell can take it", asks(func(t *registryv1.Tenant) { t.Region = "mars" }), 6},
		{"no such revision", "RENDER_FAILED", "does not exist", asks(func(t *registryv1.Tenant) { t.Blueprint = "blueprints/shop/revisions/9.0.0" }), 0},
		{"no such plan", "RENDER_FAILED", "plan", asks(func(t *registryv1.Tenant) { t.Plan = "tiny" }), 0},
		{"a wrong input", "RENDER_FAILED", "inputs.seats", asks(func(t *registryv1.Tenant) { t.Inputs = bad }), 0},
	} {
		got := p.previewed(conn, cell, c.ask)
		if len(got.GetObstacles()) != 1 || got.GetObstacles()[0].GetCode() != c.code || !strings.Contains(got.GetSummary(), c.says) ||
			got.GetObstacles()[0].GetNextAction() == "" || len(got.GetComponents()) != c.components {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	p.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint, t.Plan = revisions[0], "small" })
	p.applied(conn)
	if got := p.previewed(conn, cell, &pb.PreviewStampRequest{}); got.GetSummary() != "Nothing to do." || len(got.GetSteps()) != 0 {
		t.Errorf("at rest: %v", got)
	}
	if got := p.previewed(conn, cell, &pb.PreviewStampRequest{Tenant: &registryv1.Tenant{Plan: "huge"}}); len(got.GetObstacles()) != 1 || got.GetObstacles()[0].GetCode() != "CAPACITY_EXHAUSTED" {
		t.Errorf("a plan that does not fit: %v", got)
	}
	cell.Kill("uid-acme", "clock")
	if got := told(p.previewed(conn, cell, &pb.PreviewStampRequest{})); got != "clock RESTART (it does not run), db NOTHING, page NOTHING, app NOTHING, report NOTHING, edge NOTHING" {
		t.Errorf("one that was killed: %s", got)
	}
	cell.ChangeFile("uid-acme", "page", "page.conf")
	if got := told(p.previewed(conn, cell, &pb.PreviewStampRequest{})); !strings.Contains(got, "page RESTART (it was changed by hand)") {
		t.Errorf("one whose file was changed: %s", got)
	}
	_, err := pb.NewStampServiceClient(conn).PreviewStamp(p.ctx(), &pb.PreviewStampRequest{Name: "tenants/nobody/stamp"})
	if !errs.Is(err, errs.NotFound) {
		t.Errorf("nobody: %v", err)
	}
}

// TestPreviewOfWhatFailed: what failed for good is not tried again by itself,
// and the preview says so, and what a retry would do. Any replica answers.
func TestPreviewOfWhatFailed(t *testing.T) {
	p := newPlant(t)
	revisions, _ := shops(p)
	cell := memory.New(memory.Config{Job: func(_ context.Context, _ driver.Ref, _ driver.Manifest, job driver.Job) (driver.JobResult, error) {
		if strings.HasPrefix(job.ID, "app.migrate") {
			return driver.JobResult{ExitCode: 1, Output: []string{"no such column"}}, nil
		}
		return driver.JobResult{}, nil
	}})
	p.start("one", cell)
	p.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint, t.Plan, t.Cell = revisions[0], "small", "cells/one" })
	other := p.start("two", memory.New(memory.Config{FirstPort: 30000}))
	testkit.Eventually(t, soon, func() error {
		got, err := pb.NewStampServiceClient(other).PreviewStamp(p.ctx(), &pb.PreviewStampRequest{Name: "tenants/acme/stamp"})
		if err != nil || len(got.GetObstacles()) != 1 || got.GetObstacles()[0].GetCode() != "MIGRATION_FAILED" ||
			!strings.Contains(got.GetSummary(), "operations/acme.1 ended as FAILED and is not tried again by itself") {
			return fmt.Errorf("%v, %w", got, err)
		}
		if want := "clock NOTHING, db NOTHING, page NOTHING, app CREATE [migrate], report NOTHING, edge CREATE"; told(got) != want {
			return fmt.Errorf("got %s, want %s", told(got), want)
		}
		return nil
	})
}

// TestPreviewOfACellThatNobodyReaches: the record stands in for what cannot be
// seen, and the preview says so.
func TestPreviewOfACellThatNobodyReaches(t *testing.T) {
	p := newPlant(t)
	revisions, _ := shops(p)
	backend, err := etcd.New(t.Context(), etcd.Config{Endpoints: testkit.Etcd(t).Endpoints}, etcd.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = backend.Close() }()
	place := &pb.Placement{Tenant: "acme", TenantUid: "uid-acme", Cell: "gone", Revision: revisions[0], Plan: "small"}
	if _, err := record.New(backend, p.prefix).Placements.Create(t.Context(), "acme", place); err != nil {
		t.Fatal(err)
	}
	cell := memory.New(memory.Config{})
	conn := p.start("one", cell)
	p.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint, t.Plan = revisions[0], "small" })
	testkit.Eventually(t, soon, func() error {
		got, err := pb.NewStampServiceClient(conn).PreviewStamp(p.ctx(), &pb.PreviewStampRequest{Name: "tenants/acme/stamp"})
		if err != nil || len(got.GetObstacles()) != 1 || got.GetObstacles()[0].GetCode() != "CELL_UNREACHABLE" || len(got.GetComponents()) != 6 {
			return fmt.Errorf("%v, %w", got, err)
		}
		return nil
	})
}
