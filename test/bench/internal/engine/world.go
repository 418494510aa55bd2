package engine

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/testkit"
	"stampworks.dev/test/bench/internal/bench"
	"stampworks.dev/test/e2e/harness"
)

// prefix has all keys.
const prefix = "/stampworks/"

// itself is what a provisioner writes of itself and its cell, not of tenants.
var itself = []string{"provisioner/members/", "provisioner/claims/", "provisioner/cells/", "registry/cell-reports/"}

// world is an etcd, a fleet and its customers.
type world struct {
	t         testing.TB
	log       *slog.Logger
	etcd      *harness.Etcd
	fleet     *process
	customers *customers
	at        map[int]figures // by the size of the fleet
}

// figures are what it took to have a fleet of a size.
type figures struct {
	took     time.Duration // so far, creating and converging
	cpu      time.Duration // so far
	memory   int64
	revision int64
}

func newWorld(t testing.TB, log *slog.Logger) *world {
	t.Helper()
	dir := harness.Dir(t)
	w := &world{t: t, log: log, etcd: harness.NewEtcd(t, dir), at: map[int]figures{}}
	w.etcd.Start()
	w.etcd.Await()
	w.fleet = startFleet(t, fleetConfig{Dir: dir, Etcd: w.etcd.Endpoint})
	w.customers = newCustomers(t, filepath.Join(dir, "pki"), w.fleet.state.Registry)
	w.customers.create(0, 1) // the cell is known, the product compiled
	w.customers.converged(1)
	w.at[0] = w.figures(0)
	return w
}

// grow makes tenants until the fleet has that size, and waits for the last one.
func (w *world) grow(size int) {
	w.t.Helper()
	began, have := time.Now(), max(w.size(), 1)
	w.customers.create(have, size)
	w.customers.converged(size)
	took := time.Since(began)
	w.at[size] = w.figures(w.at[w.size()].took + took)
	w.log.Info("converged", "tenants", size, "took", took.Round(time.Millisecond), "fleet", w.fleet.state)
}

func (w *world) size() int {
	most := 0
	for size := range w.at {
		most = max(most, size)
	}
	return most
}

// figures are taken once nothing is written any more.
func (w *world) figures(took time.Duration) figures {
	w.t.Helper()
	w.settled()
	cpu := w.fleet.do(look).CPU
	return figures{took: took, cpu: cpu, memory: w.fleet.do(weigh).Memory, revision: w.etcd.Revision()}
}

// settledFor is how long nobody writes to etcd in a fleet that has settled.
const settledFor = 3 * time.Second

// settled waits until nothing of the tenants is written.
func (w *world) settled() {
	w.t.Helper()
	last, since := w.etcd.Revision(), time.Now()
	testkit.Eventually(w.t, stuckAfter, func() error {
		if now := w.etcd.Revision(); now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) < settledFor {
			return fmt.Errorf("etcd is written to: revision %d", last)
		}
		return nil
	})
}

// looked waits until the provisioner has observed every stamp since.
func (w *world) looked(since int) {
	w.t.Helper()
	testkit.Progress(w.t, stuckAfter, func() (int, error) {
		n := w.fleet.do(look).Calls["Observe"] - since
		if n < w.size() {
			return n, fmt.Errorf("%d of %d are observed", n, w.size())
		}
		return n, nil
	})
}

// converged compares the time that it took with etcd's part of it.
func (w *world) converged(name string, from, to int) bench.Result {
	w.t.Helper()
	took := w.at[to].took - w.at[from].took
	writes := w.at[to].revision - w.at[from].revision
	floor := time.Duration(writes) * w.floor() / floorWrites
	return bench.Result{
		Name: name, Value: took.Seconds(), Unit: "s",
		Against: fmt.Sprintf("%d etcd transactions, as many as it took, %d at a time", writes, floorParallel),
		Ratio:   took.Seconds() / floor.Seconds(), OK: true,
	}
}

const (
	floorWrites   = 10000
	floorParallel = 8       // as many as there are parallel steps
	floorSize     = 2 << 10 // bytes, as a stamp's record
)

// floor is how long etcd takes for that many transactions with nothing between.
func (w *world) floor() time.Duration {
	w.t.Helper()
	backend, err := etcd.New(w.t.Context(), etcd.Config{Endpoints: []string{w.etcd.Endpoint}}, etcd.Deps{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = backend.Close() }()
	began := time.Now()
	g, ctx := errgroup.WithContext(w.t.Context())
	for worker := range floorParallel {
		g.Go(func() error { return write(ctx, backend, worker) })
	}
	if err := g.Wait(); err != nil {
		w.t.Fatalf("write to etcd: %v", err)
	}
	return time.Since(began)
}

func write(ctx context.Context, backend *etcd.Backend, worker int) error {
	value := make([]byte, floorSize)
	for i := range floorWrites / floorParallel {
		op := store.PutOp(fmt.Sprintf("/floor/%d/%d", worker, i), value)
		if _, err := backend.Txn(ctx, nil, []store.Op{op}); err != nil {
			return err
		}
	}
	return nil
}
