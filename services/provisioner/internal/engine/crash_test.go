package engine_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/store"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
	"stampworks.dev/services/provisioner/internal/record"
)

// jobs counts how often each recorded job really ran.
type jobs struct {
	mu  sync.Mutex
	ran map[string]int
}

func (j *jobs) run(_ context.Context, _ driver.Ref, _ driver.Manifest, job driver.Job) (driver.JobResult, error) {
	if !job.Unrecorded {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.ran[job.ID]++
	}
	return driver.JobResult{}, nil
}

// crashCase is one run of a change that is to survive a kill anywhere.
type crashCase struct {
	world *world
	// act wishes for the change, which is that generation of acme, or the errand of
	// that id, and ends so.
	act        func()
	generation int64
	errand     string
	ends       typev1.OperationMetadata_State
	check      func()
	// fewest is how many events the change has at least; default 6.
	fewest int64
}

// crashesOf kills a replica at every write and every effect that a wish causes,
// (with a stride, at some), one run each, and lets another go on; the run that is
// not killed any more ends the loop. So a new step is covered by itself.
func crashesOf(t *testing.T, begin func(t *testing.T) crashCase) {
	for n := int64(1); ; n += stride {
		c := begin(t)
		w := c.world
		first := w.start(options{killAt: n})
		c.act()
		id := cmp.Or(c.errand, record.OperationID("acme", c.generation))
		w.untilEndedOrDead(first, id, c.ends)
		survived := !first.backend.dead.Load()
		w.stop(first)
		if !survived {
			w.place(w.current("acme"), "one")
			second := w.start(options{})
			w.ended(id, c.ends)
			w.stop(second)
		}
		c.check()
		if t.Failed() {
			t.Fatalf("killed at event %d", n)
		}
		if survived {
			t.Logf("survived the kills before event %d", n)
			if n < cmp.Or(c.fewest, 6) {
				t.Errorf("only %d events were counted", n)
			}
			return
		}
	}
}

// crashes is the same for a change that succeeds, of the first product; no job
// of it runs twice.
func crashes(t *testing.T, generation int64, prepare, wish, check func(t *testing.T, w *world)) {
	crashesOf(t, func(t *testing.T) crashCase {
		ran := &jobs{ran: map[string]int{}}
		w := newWorld(t, memory.Config{Job: ran.run})
		prepare(t, w)
		return crashCase{
			world: w, act: func() { wish(t, w) }, generation: generation, ends: typev1.OperationMetadata_SUCCEEDED,
			check: func() {
				check(t, w)
				for job, times := range ran.ran {
					if times != 1 {
						t.Errorf("%s ran %d times", job, times)
					}
				}
			},
		}
	})
}

// current is the tenant as wished, or as it was when it is gone.
func (w *world) current(id string) *registryv1.Tenant {
	if t := w.registry.Tenant(id); t != nil {
		return t
	}
	return &registryv1.Tenant{Name: "tenants/" + id, Uid: "uid-" + id, Blueprint: w.rev1}
}

func (w *world) untilEndedOrDead(r *replica, id string, state typev1.OperationMetadata_State) {
	w.t.Helper()
	deadline := time.After(soon)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for w.metadata(id).GetState() != state && !r.backend.dead.Load() {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("neither done nor killed: %v", w.metadata(id))
		}
	}
}

// metadata is an operation by its id; nil when it is not there.
func (w *world) metadata(id string) *typev1.OperationMetadata {
	v, err := w.records().Operations.Get(w.t.Context(), id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		w.t.Fatal(err)
	}
	return v.Value.GetMetadata()
}

func created(t *testing.T, w *world) {
	t.Helper()
	w.place(w.create("acme"), "one")
	r := w.start(options{})
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	w.stop(r)
}

func TestKilledAtEveryPointOfACreation(t *testing.T) {
	t.Parallel()
	crashes(t, 1,
		func(*testing.T, *world) {},
		func(_ *testing.T, w *world) { w.place(w.create("acme"), "one") },
		func(t *testing.T, w *world) {
			checkLedger(t, w.stamp("acme"))
			var all []int
			for _, pid := range pids(w) {
				all = append(all, pid)
			}
			slices.Sort(all)
			if !slices.Equal(all, []int{1001, 1002, 1003}) {
				t.Errorf("processes %v: a component was started twice", all)
			}
		})
}

func TestKilledAtEveryPointOfAnUpgrade(t *testing.T) {
	t.Parallel()
	crashes(t, 2, func(t *testing.T, w *world) { created(t, w) },
		func(_ *testing.T, w *world) {
			w.place(w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint = w.rev2 }), "one")
		},
		func(t *testing.T, w *world) {
			checkLedger(t, w.stamp("acme"))
			if got := running(w, "uid-acme"); len(got) != 3 || w.stamp("acme").GetRevision() != w.rev2 || pids(w)["db"] != 1001 {
				t.Errorf("running %v %v, revision %s", got, pids(w), w.stamp("acme").GetRevision())
			}
		})
}

func TestKilledAtEveryPointOfAPurge(t *testing.T) {
	t.Parallel()
	crashes(t, 2, func(t *testing.T, w *world) { created(t, w) },
		func(_ *testing.T, w *world) {
			w.registry.Wish("acme", func(t *registryv1.Tenant) { t.DeleteTime, t.Purging = timestamppb.Now(), true })
		},
		func(t *testing.T, w *world) {
			_, secrets := w.records().Secrets.Get(t.Context(), "acme")
			if len(w.cell.Tenants()) != 0 || w.stamp("acme") != nil || !w.registry.Purged("acme") || !errors.Is(secrets, store.ErrNotFound) {
				t.Errorf("left: cell %v, stamp %v, secrets %v; reported %v", w.cell.Tenants(), w.stamp("acme"), secrets, w.registry.Purged("acme"))
			}
		})
}

// TestPausedReplicaCanDoNoHarm lets one replica lose its claim in the middle of
// a step without noticing. When it goes on, its writes and effects are refused.
func TestPausedReplicaCanDoNoHarm(t *testing.T) {
	t.Parallel()
	inSetup, goOn := make(chan struct{}, 1), make(chan struct{})
	var once sync.Once
	w := newWorld(t, memory.Config{Job: func(_ context.Context, _ driver.Ref, _ driver.Manifest, j driver.Job) (driver.JobResult, error) {
		if strings.HasPrefix(j.ID, "db.setup") {
			paused := false
			once.Do(func() { paused = true })
			if paused {
				inSetup <- struct{}{}
				<-goOn
			}
		}
		return driver.JobResult{}, nil
	}})
	old := w.start(options{})
	w.place(w.create("acme"), "one")
	<-inSetup
	next := w.start(options{}) // takes the claim; its own job waits for the one that runs
	close(goOn)
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	w.stop(old)
	w.stop(next)
	if s := w.stamp("acme"); s.GetToken() == 0 || len(running(w, "uid-acme")) != 3 {
		t.Errorf("stamp %v", s)
	}
	ref := driver.Ref{Tenant: "acme", UID: "uid-acme", Token: w.stamp("acme").GetToken() - 1}
	if err := w.cell.Stop(t.Context(), ref, "app"); !errors.Is(err, driver.ErrStaleToken) {
		t.Errorf("a stale effect was not refused: %v", err)
	}
}

func TestTwoReplicasShareTwoCells(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{})
	other := memory.New(memory.Config{FirstPort: 30000})
	both := map[string]driver.Driver{"one": w.cell, "two": other}
	w.start(options{cells: []string{"one"}, cell: both, places: true})
	w.start(options{cells: []string{"two"}, cell: both})
	for i := range 10 {
		w.create(fmt.Sprintf("t%d", i))
	}
	for i := range 10 {
		w.until(fmt.Sprintf("t%d", i), 1, typev1.OperationMetadata_SUCCEEDED)
	}
	if a, b := len(w.cell.Tenants()), len(other.Tenants()); a+b != 10 || a == 0 || b == 0 {
		t.Errorf("%d and %d stamps", a, b)
	}
}
