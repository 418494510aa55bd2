// Package engine measures the engine without the work that it has done: a fleet
// in the in-memory driver, converged by the real registry and provisioner on a
// real etcd.
package engine

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"stampworks.dev/test/bench/internal/bench"
)

// The sizes at which a fleet is looked at.
const (
	fewTenants  = 100
	someTenants = 1000
	manyTenants = 10000
)

const (
	// idleFor is how long a settled fleet is watched.
	idleFor = time.Minute
	// idleMark is of a core, in percent.
	idleMark = 2
	// marginalMark is what a tenant may cost more in a large fleet.
	marginalMark = 1.3
)

// Thousand is the gate: a thousand tenants converge, and a restart does nothing.
func Thousand() bench.Measurement {
	return bench.Measurement{
		Names: []string{"engine/converge_1000", "engine/restart_writes"},
		Run: func(ctx context.Context, log *slog.Logger) (results []bench.Result, err error) {
			err = bench.With(ctx, log, func(t testing.TB) {
				w := newWorld(t, log)
				w.grow(someTenants)
				results = append(results, w.converged("engine/converge_1000", 0, someTenants), w.restarted())
			})
			return results, err
		},
	}
}

// TenThousand is how the cost of a tenant grows with the fleet.
func TenThousand() bench.Measurement {
	return bench.Measurement{
		Names: []string{"engine/converge_10000", "engine/idle_cpu_10000", "engine/marginal_cpu", "engine/memory_per_tenant"},
		Run: func(ctx context.Context, log *slog.Logger) (results []bench.Result, err error) {
			err = bench.With(ctx, log, func(t testing.TB) {
				w := newWorld(t, log)
				for _, size := range []int{fewTenants, someTenants, manyTenants} {
					w.grow(size)
				}
				results = append(results, w.converged("engine/converge_10000", someTenants, manyTenants), w.marginal(), w.memory())
				results = append(results, w.idle())
			})
			return results, err
		},
	}
}

// marginal compares what a tenant more costs in a large fleet and in a small one.
func (w *world) marginal() bench.Result {
	small, large := w.perTenant(fewTenants, someTenants), w.perTenant(someTenants, manyTenants)
	ratio := float64(large) / float64(small)
	return bench.Result{
		Name: "engine/marginal_cpu", Value: large.Seconds() * 1000, Unit: "ms/tenant",
		Against: "a tenant more from 100 to 1,000, instead of from 1,000 to 10,000", Ratio: ratio, Mark: marginalMark, OK: ratio <= marginalMark,
	}
}

func (w *world) perTenant(from, to int) time.Duration {
	return (w.at[to].cpu - w.at[from].cpu) / time.Duration(to-from)
}

// memory is of registry and provisioner together, with what the driver's cell is.
func (w *world) memory() bench.Result {
	small, large := w.at[fewTenants].memory, w.at[manyTenants].memory
	return bench.Result{
		Name: "engine/memory_per_tenant", Value: float64(large-small) / (manyTenants - fewTenants) / 1024, Unit: "KiB",
		Against: "the same process with 100 tenants", Ratio: float64(large) / float64(small), OK: true,
	}
}

// idle is what a settled fleet costs.
func (w *world) idle() bench.Result {
	w.settled()
	before, began := w.fleet.do(look), time.Now()
	wait(w.t, idleFor)
	after := w.fleet.do(look)
	used := float64(after.CPU-before.CPU) / float64(time.Since(began)) * 100
	return bench.Result{
		Name: "engine/idle_cpu_10000", Value: used, Unit: "% of a core",
		Against: "one core, for a minute", Ratio: used / 100, Mark: idleMark, OK: used <= idleMark,
	}
}

// restarted is what a provisioner writes that starts and finds all as it should be.
func (w *world) restarted() bench.Result {
	w.settled()
	before, keys := w.fleet.do(look), w.etcd.Keys(prefix)
	w.fleet.do(restart)
	w.looked(before.Calls["Observe"])
	w.settled()
	after := w.fleet.do(look)
	changed := changes(keys, w.etcd.Keys(prefix))
	effects := after.effects() - before.effects()
	w.log.Info("restarted", "changed", changed, "effects", effects)
	return bench.Result{
		Name: "engine/restart_writes", Value: float64(len(changed) + effects), Unit: "writes and effects",
		Against: "the records of 1,000 tenants before it", OK: len(changed)+effects == 0,
	}
}

func wait(t testing.TB, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

// changes are the keys of tenants that were written, made or removed.
func changes(before, after map[string]int64) []string {
	var keys []string
	for key, revision := range after {
		if before[key] != revision {
			keys = append(keys, key)
		}
	}
	for key := range before {
		if _, there := after[key]; !there {
			keys = append(keys, key)
		}
	}
	return slices.DeleteFunc(keys, func(key string) bool {
		return slices.ContainsFunc(itself, func(own string) bool { return strings.HasPrefix(key, prefix+own) })
	})
}
