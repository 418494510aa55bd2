package engine_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stampworks.dev/pkg/blueprint"
	"stampworks.dev/pkg/claim"
	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/rpctest"
	"stampworks.dev/pkg/secretbox"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
	"stampworks.dev/services/provisioner/internal/desired"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/placement"
	"stampworks.dev/services/provisioner/internal/queued"
	"stampworks.dev/services/provisioner/internal/recipes"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/registrytest"
	"stampworks.dev/services/provisioner/internal/report"
	"stampworks.dev/services/provisioner/internal/secrets"
	"stampworks.dev/services/provisioner/internal/trace"
)

const soon = 20 * time.Second

// desk is a product with a setup, a migration and three components.
const desk = `
blueprint: desk
revision: %s
artifacts:
  desk: {file: /opt/desk, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
secrets:
  db_password: {length: 16}
plans:
  standard:
    resources:
      default: {cpu: 100m, memory: 128Mi}
      db: {cpu: 100m, memory: 128Mi, volumes: {data: 1Gi}}
components:
  db:
    artifact: desk
    volumes: [data]
    ports: {sql: 5432}
    env: {PASSWORD: "${secrets.db_password}"}
    setup: desk init ${volumes.data}
    run: desk db --listen ${db.sql.bind}:${db.sql.port}
    ready: {exec: desk db ping, timeout: 2s}
  app:
    artifact: desk
    ports: {http: 8080}
    env: {DB: "${db.sql.addr}", PASSWORD: "${secrets.db_password}", GREETING: "%s"}
    migrate: desk migrate
    run: desk app --listen ${app.http.bind}:${app.http.port}
    ready: {http: http, timeout: 2s}
  worker:
    artifact: desk
    after: [app]
    run: desk worker
endpoint: app.http
smoke:
  - {http: /readyz}
  - {component: app, exec: desk smoke, timeout: 200ms}
`

// world outlives the engines of a test: the store, the registry, the cell.
type world struct {
	t        *testing.T
	backend  *etcd.Backend
	prefix   string
	registry *registrytest.Registry
	client   *rpctest.Server
	cell     *memory.Driver
	memory   memory.Config
	box      *secretbox.Box
	keyFile  string
	rev1     string
	rev2     string
}

func newWorld(t *testing.T, cfg memory.Config) *world {
	t.Helper()
	backend, err := etcd.New(context.Background(), etcd.Config{Endpoints: testkit.Etcd(t).Endpoints}, etcd.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = backend.Close() })
	keyFile := t.TempDir() + "/key"
	box, err := secretbox.Open(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, backend: backend, prefix: testkit.Prefix(t), registry: registrytest.New(), box: box, keyFile: keyFile, memory: cfg, cell: memory.New(cfg)}
	w.client = rpctest.Serve(t, "tenant-registry", w.registry.Register)
	w.rev1 = w.registry.Publish(t, fmt.Sprintf(desk, "1.0.0", "hello"))
	w.rev2 = w.registry.Publish(t, fmt.Sprintf(desk, "1.1.0", "good day"))
	return w
}

// rekey puts a new key into the key file, which is read again.
func (w *world) rekey() {
	w.t.Helper()
	err := secretbox.Rotate(w.keyFile)
	if err == nil {
		w.box, err = secretbox.Open(w.keyFile)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) records() *record.Store { return record.New(w.backend, w.prefix) }

// create wishes for a tenant of the first revision.
func (w *world) create(id string) *registryv1.Tenant {
	return w.registry.Wish(id, func(t *registryv1.Tenant) { t.Blueprint, t.Plan = w.rev1, "standard" })
}

// take makes a claim, which ends that of the same name before.
func (w *world) take(name string) claim.Claim {
	w.t.Helper()
	key := w.prefix + "claims/" + name
	if _, err := w.backend.Txn(w.t.Context(), nil, []store.Op{store.DeleteOp(key)}); err != nil {
		w.t.Fatal(err)
	}
	res, err := w.backend.Txn(w.t.Context(), nil, []store.Op{store.PutOp(key, []byte(name))})
	if err != nil {
		w.t.Fatal(err)
	}
	return claim.Claim{Key: key, Token: res.Revision}
}

// prober finds everything serving unless told otherwise.
type prober struct {
	mu     sync.Mutex
	refuse map[string]string // by the end of the URL; "*" for all
}

func (p *prober) Ask(_ context.Context, probe blueprint.Probe) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for end, why := range p.refuse {
		if why != "" && strings.HasSuffix(probe.HTTP, end) {
			return "", errors.New(why)
		}
	}
	if why := p.refuse["*"]; why != "" {
		return "", errors.New(why)
	}
	return "answered 200 OK", nil
}

func (p *prober) Answers(context.Context, string) (string, error) { return "answered 200 OK", nil }

func (p *prober) set(what, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = map[string]string{what: why}
}

// replica is one running provisioner, without its RPCs.
type replica struct {
	engine  *engine.Engine
	cancel  context.CancelFunc
	done    chan struct{}
	view    *desired.View
	prober  *prober
	backend *mortal
	events  atomic.Int64
}

// mortal is a store or a cell that a replica has until it is killed.
type mortal struct {
	store.Backend
	dead  atomic.Bool
	count func() error // before every write; its error kills
}

var errKilled = errs.New(errs.Internal, "KILLED", "this replica is dead")

func (m *mortal) Txn(ctx context.Context, conds []store.Cond, ops []store.Op) (store.TxnResult, error) {
	if m.dead.Load() {
		return store.TxnResult{}, errKilled
	}
	if len(ops) > 0 && m.count != nil {
		if err := m.count(); err != nil {
			return store.TxnResult{}, err
		}
	}
	return m.Backend.Txn(ctx, conds, ops)
}

// mortalCell is a cell as a replica reaches it until it is killed. The moments
// before and after each effect count, too.
type mortalCell struct {
	driver.Driver
	*mortal
}

func (c mortalCell) effect(do func() error) error {
	for _, now := range []func() error{c.alive, do, c.alive} {
		if err := now(); err != nil {
			return err
		}
	}
	return nil
}

func (c mortalCell) alive() error {
	if c.dead.Load() {
		return errKilled
	}
	if c.count != nil {
		return c.count()
	}
	return nil
}

func (c mortalCell) Reserve(ctx context.Context, ref driver.Ref, want driver.SiteRequest) (site driver.Site, err error) {
	err = c.effect(func() error { site, err = c.Driver.Reserve(ctx, ref, want); return err })
	return site, err
}

func (c mortalCell) Ensure(ctx context.Context, ref driver.Ref, m driver.Manifest, name string) error {
	return c.effect(func() error { return c.Driver.Ensure(ctx, ref, m, name) })
}

func (c mortalCell) Stop(ctx context.Context, ref driver.Ref, name string) error {
	return c.effect(func() error { return c.Driver.Stop(ctx, ref, name) })
}

func (c mortalCell) EndJobs(ctx context.Context, ref driver.Ref, keep ...string) error {
	return c.effect(func() error { return c.Driver.EndJobs(ctx, ref, keep...) })
}

func (c mortalCell) Destroy(ctx context.Context, ref driver.Ref) error {
	return c.effect(func() error { return c.Driver.Destroy(ctx, ref) })
}

func (c mortalCell) RunJob(ctx context.Context, ref driver.Ref, m driver.Manifest, j driver.Job) (res driver.JobResult, err error) {
	if j.Unrecorded {
		return c.Driver.RunJob(ctx, ref, m, j)
	}
	err = c.effect(func() error { res, err = c.Driver.RunJob(ctx, ref, m, j); return err })
	return res, err
}

// keeper is the cell's repository, as a replica reaches it until it is killed.
func (c mortalCell) keeper() driver.Keeper { return c.Driver.(driver.Keeper) }

func (c mortalCell) ClearBackup(ctx context.Context, ref driver.Ref) error {
	return c.effect(func() error { return c.keeper().ClearBackup(ctx, ref) })
}

func (c mortalCell) KeepBackup(ctx context.Context, ref driver.Ref, id string, note json.RawMessage) (kept driver.Kept, err error) {
	err = c.effect(func() error { kept, err = c.keeper().KeepBackup(ctx, ref, id, note); return err })
	return kept, err
}

func (c mortalCell) Adopt(ctx context.Context, ref driver.Ref, recovery string) (got driver.Adopted, err error) {
	err = c.effect(func() error { got, err = c.Driver.(driver.Adopter).Adopt(ctx, ref, recovery); return err })
	return got, err
}

func (c mortalCell) Remember(ctx context.Context, ref driver.Ref, m driver.Manifest) error {
	return c.effect(func() error { return c.Driver.(driver.Adopter).Remember(ctx, ref, m) })
}

func (c mortalCell) Manifests(ctx context.Context) ([]driver.Manifest, error) {
	return c.Driver.(driver.Adopter).Manifests(ctx)
}

func (c mortalCell) KeptBackups(ctx context.Context, tenant, uid string) ([]driver.KeptBackup, error) {
	return c.Driver.(driver.Adopter).KeptBackups(ctx, tenant, uid)
}

func (c mortalCell) FetchBackup(ctx context.Context, ref driver.Ref, from driver.BackupRef) error {
	return c.effect(func() error { return c.keeper().FetchBackup(ctx, ref, from) })
}

// CheckBackup changes nothing, so it does not count.
func (c mortalCell) CheckBackup(ctx context.Context, of driver.BackupRef) error {
	return c.keeper().CheckBackup(ctx, of)
}

func (c mortalCell) DropBackup(ctx context.Context, of driver.BackupRef) error {
	return c.effect(func() error { return c.keeper().DropBackup(ctx, of) })
}

// Diagnose changes nothing, so it does not count.
func (c mortalCell) Diagnose(ctx context.Context, ref driver.Ref, component string) error {
	if d, can := c.Driver.(driver.Diagnoser); can {
		return d.Diagnose(ctx, ref, component)
	}
	return nil
}

// watched is a cell that tells of changes by itself.
type watched struct{ mortalCell }

func (c watched) Watch(ctx context.Context, changed func(tenant string)) error {
	if cell, ok := c.Driver.(*memory.Driver); ok {
		return memory.Watched{Driver: cell}.Watch(ctx, changed)
	}
	return c.Driver.(driver.Watcher).Watch(ctx, changed)
}

// mortalReporter reaches the registry until the replica is killed. The moment
// before it tells of an end counts, too.
type mortalReporter struct {
	engine.Reporter
	*mortal
}

func (r mortalReporter) Report(tenant, uid string, st *registryv1.TenantStatus) <-chan struct{} {
	ends := st.GetPhase() == registryv1.TenantStatus_PURGED || st.GetPhase() == registryv1.TenantStatus_DONE
	if r.dead.Load() || ends && r.count != nil && r.count() != nil {
		return make(chan struct{}) // never heard
	}
	return r.Reporter.Report(tenant, uid, st)
}

type options struct {
	cells  []string // default "one"
	killAt int64    // the write or effect, counted from 1, at which it dies; 0: none
	resync time.Duration
	cell   map[string]driver.Driver
	places bool // run the placer too
	shards int  // of each cell, all of them this replica's; 0 is one
	// parallel is how many effects run at once; 0 is the default.
	parallel int
	tune     func(*engine.Config)
	tel      *telemetry.Telemetry
	watches  bool        // the cell tells of changes by itself
	box      secrets.Box // default the world's
}

// start runs a replica; stop it, or let the test end.
func (w *world) start(o options) *replica {
	w.t.Helper()
	if o.cells == nil {
		o.cells = []string{"one"}
	}
	if o.resync == 0 {
		o.resync = 30 * time.Second
	}
	if o.cell == nil {
		o.cell = map[string]driver.Driver{"one": w.cell}
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &replica{cancel: cancel, done: make(chan struct{}), view: desired.NewView(), prober: &prober{}}
	r.backend = &mortal{Backend: w.backend}
	if o.killAt > 0 {
		r.backend.count = func() error {
			if r.events.Add(1) != o.killAt {
				return nil
			}
			r.backend.dead.Store(true)
			cancel()
			return errKilled
		}
	}
	cells := map[string]driver.Driver{}
	for name, d := range o.cell {
		cells[name] = mortalCell{Driver: d, mortal: r.backend}
		if o.watches {
			cells[name] = watched{mortalCell{Driver: d, mortal: r.backend}}
		}
	}
	records := record.New(r.backend, w.prefix)
	conn := w.client.Dial(w.t, "provisioner")
	tracer, err := trace.New(cmp.Or(o.tel, telemetry.Discard()))
	if err != nil {
		w.t.Fatal(err)
	}
	tracer.Drivers = map[string]string{"one": "memory"}
	log := testkit.Logger(w.t)
	placements, operations, reports := store.NewCache(records.Placements), store.NewCache(records.Operations), store.NewCache(records.Cells)
	reporter := report.New(registryv1.NewReportServiceClient(conn), log)
	follower := &desired.Follower{View: r.view, Tenants: registryv1.NewTenantServiceClient(conn), Log: log}
	shelf := recipes.NewShelf(registryv1.NewBlueprintServiceClient(conn))
	cfg := engine.Config{Resync: o.resync, Parallel: o.parallel, Backoff: func(int32) time.Duration { return 20 * time.Millisecond }}
	if _, none := o.cell["one"].(*memory.Driver); none {
		cfg.StaysUp = 10 * time.Millisecond // nothing runs there that could exit a little later
	}
	if o.box == nil {
		o.box = w.box
	}
	if o.tune != nil {
		o.tune(&cfg)
	}
	e := engine.New(cfg, engine.Deps{
		Store: records, Placements: placements, Operations: operations, View: r.view, Recipes: shelf,
		Vault: &secrets.Vault{Box: o.box, Sealed: records.Secrets}, Drivers: cells, Prober: r.prober, Reporter: mortalReporter{Reporter: reporter, mortal: r.backend}, Tracer: tracer, Log: log,
	})
	r.engine = e
	var all sync.WaitGroup
	run := func(fn func(context.Context) error) { all.Go(func() { _ = fn(ctx) }) }
	run(placements.Run)
	run(operations.Run)
	run(reports.Run)
	run(reporter.Run)
	run(follower.Run)
	for _, cell := range o.cells {
		count := max(o.shards, 1)
		for i := range count {
			held := w.take(fmt.Sprintf("%s/%d", cell, i))
			run(func(ctx context.Context) error {
				return e.RunShard(ctx, claim.Shard{Cell: cell, Index: i, Count: count}, held)
			})
		}
	}
	if o.places {
		placer := &placement.Placer{
			Placements: records.Placements, Reports: reports, Operations: operations, Log: log,
			Source: queued.Source{View: r.view, Store: records, Recipes: shelf}, Cells: w.cells(o.cell), Desk: queued.Desk{Store: records, Reporter: reporter}, Tracer: tracer,
		}
		held := w.take("placement")
		run(func(ctx context.Context) error { return placer.Run(ctx, held) })
	}
	go func() { all.Wait(); close(r.done) }()
	w.t.Cleanup(func() { w.stop(r) })
	return r
}

func (w *world) stop(r *replica) {
	r.backend.dead.Store(true)
	r.cancel()
	select {
	case <-r.done:
	case <-time.After(soon):
		w.t.Error("a replica does not end")
	}
}

// cells gives the memory cells with what their drivers say.
func (w *world) cells(drivers map[string]driver.Driver) placement.Cells {
	return cellList{drivers, w.registry}
}

type cellList struct {
	drivers  map[string]driver.Driver
	registry *registrytest.Registry
}

func (l cellList) List(ctx context.Context) ([]placement.Cell, error) {
	cordons, err := l.registry.ListCells(ctx, nil)
	if err != nil {
		return nil, err
	}
	var all []placement.Cell
	for name, d := range l.drivers {
		has, err := d.Capacity(ctx)
		if err != nil {
			return nil, err
		}
		c := placement.Cell{Name: name, Driver: "memory", Reachable: true, Allocatable: has.Allocatable}
		for _, one := range cordons.GetCells() {
			c.Cordoned = c.Cordoned || one.GetName() == "cells/"+name && one.GetCordoned()
		}
		all = append(all, c)
	}
	return all, nil
}

// place binds a tenant, as a placer would.
func (w *world) place(t *registryv1.Tenant, cell string) {
	w.t.Helper()
	id := record.TenantID(t.GetName())
	p := &pb.Placement{Tenant: id, TenantUid: t.GetUid(), Cell: cell, Revision: t.GetBlueprint(), Plan: "standard"}
	_, err := w.records().Placements.Create(w.t.Context(), id, p)
	if errors.Is(err, store.ErrExists) {
		_, err = w.records().Placements.Update(w.t.Context(), id, func(old *pb.Placement) error { old.Revision = t.GetBlueprint(); return nil })
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) stamp(id string) *pb.Stamp {
	v, err := w.records().Stamps.Get(w.t.Context(), record.StampID("one", id))
	if err != nil {
		return nil
	}
	return v.Value
}

func (w *world) operation(id string, generation int64) *typev1.OperationMetadata {
	op, _, err := w.records().ReadOperation(w.t.Context(), id, generation)
	if err != nil {
		w.t.Fatal(err)
	}
	return op.GetMetadata()
}

// until waits for the operation of a generation to be in a state.
func (w *world) until(id string, generation int64, state typev1.OperationMetadata_State) *typev1.OperationMetadata {
	w.t.Helper()
	var m *typev1.OperationMetadata
	testkit.Eventually(w.t, soon, func() error {
		if m = w.operation(id, generation); m.GetState() != state {
			return fmt.Errorf("operation %s.%d is %s, want %s: %v", id, generation, m.GetState(), state, m)
		}
		return nil
	})
	return m
}

// operations are all that a tenant has.
func (w *world) operations(id string) []*pb.OperationRecord {
	found, _, err := w.records().Operations.List(w.t.Context(), store.ListOptions{Prefix: id + "."})
	if err != nil {
		return nil
	}
	all := make([]*pb.OperationRecord, 0, len(found))
	for _, v := range found {
		all = append(all, v.Value)
	}
	return all
}
