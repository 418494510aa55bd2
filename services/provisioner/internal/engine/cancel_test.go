package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver/memory"
	"stampworks.dev/services/provisioner/internal/engine"
)

// cancel asks for an operation to be cancelled, as the API does.
func (w *world) cancel(id string) {
	w.t.Helper()
	_, err := w.records().Operations.Update(w.t.Context(), id, func(op *pb.OperationRecord) error { op.CancelRequested = true; return nil })
	if err != nil {
		w.t.Fatal(err)
	}
}

// failsOf waits until the operation of a generation was tried without success.
func (w *world) failsOf(id string, generation int64) {
	w.t.Helper()
	w.until(id, generation, typev1.OperationMetadata_RETRYING)
}

// recorded waits until the operation of a generation is in the store.
func (w *world) recorded(id string, generation int64) {
	w.t.Helper()
	testkit.Eventually(w.t, soon, func() error {
		if w.operation(id, generation) == nil {
			return fmt.Errorf("operation %s.%d is not recorded", id, generation)
		}
		return nil
	})
}

// TestCancelWhateverItWaitsFor: an operation that waits, for whatever, ends as soon
// as a person says so, and changes nothing.
func TestCancelWhateverItWaitsFor(t *testing.T) {
	t.Parallel()
	hold := &registryv1.Hold{Owner: "dana", Reason: "audit", ExpireTime: timestamppb.New(time.Now().Add(time.Hour))}
	type waiting struct {
		*world
		down atomic.Value // the verb that fails
		huge string       // a revision that needs much
	}
	for name, c := range map[string]struct {
		change func(*waiting, *registryv1.Tenant)
		waits  func(*waiting)
	}{
		"a hold": {
			func(w *waiting, t *registryv1.Tenant) { t.Blueprint, t.Hold = w.rev2, hold },
			func(w *waiting) { w.untilObstacle("acme", "HELD") },
		},
		"the window": {
			func(w *waiting, t *registryv1.Tenant) { t.Blueprint, t.MaintenanceWindow = w.rev2, closedWindow() },
			func(w *waiting) { w.untilObstacle("acme", "MAINTENANCE_WINDOW") },
		},
		"room in its cell": {
			func(w *waiting, t *registryv1.Tenant) { t.Blueprint = w.huge },
			func(w *waiting) { w.untilObstacle("acme", "CAPACITY_EXHAUSTED") },
		},
		"a cell that does not answer": {
			func(w *waiting, t *registryv1.Tenant) { w.down.Store("Observe"); t.Blueprint = w.rev2 },
			func(w *waiting) { w.failsOf("acme", 2) },
		},
		"its next attempt": {
			func(w *waiting, t *registryv1.Tenant) {
				w.down.Store("Ensure")
				t.Overrides = &registryv1.Overrides{Resources: map[string]*typev1.Resources{"worker": {Memory: "256Mi"}}}
			},
			func(w *waiting) { w.failsOf("acme", 2) },
		},
		"its volumes": {
			func(w *waiting, t *registryv1.Tenant) {
				w.cell.Lose("uid-acme", "db", "data")
				t.Blueprint = w.rev2
			},
			func(w *waiting) { w.untilObstacle("acme", "DATA_MISSING") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := &waiting{}
			w.down.Store("")
			w.world = newWorld(t, memory.Config{Allocatable: map[string]int64{"memory_bytes": 8 << 30}, Fault: func(_ context.Context, c memory.Call) error {
				if c.Verb == w.down.Load() {
					return errs.New(errs.Unavailable, "DOWN", "the cell does not answer")
				}
				return nil
			}})
			w.huge = w.registry.Publish(t, strings.ReplaceAll(fmt.Sprintf(desk, "1.2.0", "hello"), "128Mi", "64Gi"))
			w.start(options{places: true, resync: time.Hour, tune: func(c *engine.Config) { c.Backoff = func(int32) time.Duration { return time.Hour } }})
			w.create("acme")
			w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
			before := pids(w.world)
			w.registry.Wish("acme", func(t *registryv1.Tenant) { c.change(w, t) })
			c.waits(w)
			w.recorded("acme", 2)
			w.cancel("acme.2")
			m := w.until("acme", 2, typev1.OperationMetadata_CANCELLED)
			w.down.Store("")
			if m.GetFailure().GetCode() != typev1.Failure_CANCELLED || m.GetFailure().GetNextAction() == "" {
				t.Errorf("failure %v", m.GetFailure())
			}
			if after := pids(w.world); fmt.Sprint(before) != fmt.Sprint(after) || w.stamp("acme").GetRevision() != w.rev1 {
				t.Errorf("processes %v on %s, before %v", after, w.stamp("acme").GetRevision(), before)
			}
		})
	}
}

// TestCancelATakeOverThatFails: it ends, and is not tried again and again.
func TestCancelATakeOverThatFails(t *testing.T) {
	t.Parallel()
	w := lose(t, nil)
	w.cell = memory.New(memory.Config{})
	w.recover()
	w.start(options{})
	w.failsOf("acme", 101)
	w.cancel("acme.101")
	w.until("acme", 101, typev1.OperationMetadata_CANCELLED)
	tried := w.cell.Calls()["Adopt"]
	w.registry.Quietly("acme", func(t *registryv1.Tenant) { t.DisplayName = "Acme Space" }) // looked at once more
	w.until("acme", 101, typev1.OperationMetadata_CANCELLED)
	if now := w.cell.Calls()["Adopt"]; now > tried+2 {
		t.Errorf("taken over %d times more", now-tried)
	}
}

// TestCancelAnErrandBehindAGeneration: what waits for an operation that waits need
// not wait to be cancelled, and is not worked on for that.
func TestCancelAnErrandBehindAGeneration(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.open("acme")
	w.start(options{})
	w.place(w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint, t.MaintenanceWindow = w.rev2, closedWindow() }), "one")
	w.untilObstacle("acme", "MAINTENANCE_WINDOW")
	for i, id := range []string{"backup-1", "backup-2"} {
		op, err := w.records().Ask(t.Context(), engine.AskBackup(w.stamp("acme"), pb.Backup_ON_DEMAND))
		if err != nil || op.GetName() != "operations/acme."+id {
			t.Fatalf("%d: %v, %v", i, op, err)
		}
	}
	w.cancel("acme.backup-2") // not the first of them
	testkit.Eventually(t, soon, func() error {
		v, err := w.records().Operations.Get(t.Context(), "acme.backup-2")
		if err == nil && v.Value.GetMetadata().GetState() != typev1.OperationMetadata_CANCELLED {
			err = fmt.Errorf("%v", v.Value.GetMetadata())
		}
		return err
	})
	if v, err := w.records().Operations.Get(t.Context(), "acme.backup-1"); err != nil || v.Value.GetMetadata().GetState() != typev1.OperationMetadata_QUEUED {
		t.Errorf("the other one is %v, %v", v.Value, err)
	}
	if m := w.operation("acme", 2); m.GetState() != typev1.OperationMetadata_QUEUED || len(m.GetObstacles()) != 1 {
		t.Errorf("the upgrade is %v", m)
	}
	w.has("acme", "1 rocket", "1.0.0")
}

// TestCancelOnTheWayBack: what was there before comes back all the same.
func TestCancelOnTheWayBack(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	back, goOn := make(chan struct{}, 8), make(chan struct{})
	w.memory.Fault = func(_ context.Context, c memory.Call) error {
		if c.Verb == "FetchBackup" {
			back <- struct{}{}
			<-goOn
		}
		return nil
	}
	w.cell = memory.New(w.memory)
	w.open("acme")
	w.disk.Put("/flags/broken", "yes")
	w.start(options{})
	w.upgrade("acme")
	<-back
	w.cancel("acme.2")
	close(goOn)
	if m := w.until("acme", 2, typev1.OperationMetadata_FAILED); m.GetFailure().GetCode() != typev1.Failure_MIGRATION_FAILED {
		t.Errorf("failure %v", m.GetFailure())
	}
	w.has("acme", "1 rocket", "1.0.0")
	if s := w.stamp("acme"); s.GetRevision() != w.rev1 || s.GetClosed() {
		t.Errorf("on %s, closed %v", s.GetRevision(), s.GetClosed())
	}
}
