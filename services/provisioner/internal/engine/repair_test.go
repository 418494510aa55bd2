package engine_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
)

// served gives a world in which acme serves, and a replica that is told of what
// changes by itself.
func served(t *testing.T, o options) (*world, *replica) {
	t.Helper()
	w := newWorld(t, memory.Config{})
	o.places, o.watches = true, true
	if o.cell != nil { // around this world's
		for name, d := range o.cell {
			o.cell[name] = d.(*rewriter).around(w.cell)
		}
	}
	r := w.start(o)
	w.create("acme")
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	return w, r
}

// quietly changes what raises no generation, and waits for the replica to know.
func (w *world) quietly(r *replica, change func(*registryv1.Tenant)) {
	w.t.Helper()
	w.registry.Quietly("acme", change)
	want := w.registry.Tenant("acme")
	testkit.Eventually(w.t, soon, func() error {
		if t, _ := r.view.Get("acme"); t.GetDriftPolicy() != want.GetDriftPolicy() || (t.GetHold() == nil) != (want.GetHold() == nil) {
			return fmt.Errorf("the replica knows %v", t)
		}
		return nil
	})
}

// untilDrift waits for the record to say this of what differs: each as its kind
// and component.
func (w *world) untilDrift(want string) []*pb.Drift {
	w.t.Helper()
	var found []*pb.Drift
	testkit.Eventually(w.t, soon, func() error {
		found = w.stamp("acme").GetDrift()
		var all []string
		for _, d := range found {
			all = append(all, strings.TrimSuffix(d.GetKind().String()+" "+d.GetComponent(), " "))
			if d.GetSince() == nil || d.GetMessage() == "" {
				w.t.Errorf("drift %v", d)
			}
		}
		if got := strings.Join(all, ", "); got != want {
			return fmt.Errorf("drift %q, want %q", got, want)
		}
		return nil
	})
	return found
}

// untilRepaired waits for other processes than before of these components, and
// the same of the others.
func (w *world) untilRepaired(before map[string]int, restarted ...string) {
	w.t.Helper()
	testkit.Eventually(w.t, soon, func() error {
		now := pids(w)
		for name, pid := range before {
			again := strings.Contains(strings.Join(restarted, " "), name)
			if again && now[name] == 0 || again != (now[name] != pid) {
				return fmt.Errorf("processes %v, before %v: want others of %v", now, before, restarted)
			}
		}
		return nil
	})
	w.untilDrift("")
}

func TestWhatWasChangedByHandIsRepaired(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(w *world) bool
		again  []string
		says   string
	}{
		{"another definition runs", func(w *world) bool { return w.cell.Change("uid-acme", "app") }, []string{"app"}, "app: What runs is not what the ledger says."},
		{"a file", func(w *world) bool { return w.cell.ChangeFile("uid-acme", "db", "db.conf") }, []string{"db"}, "db: Changed or removed by hand: db.conf."},
		{"a process", func(w *world) bool { return w.cell.Kill("uid-acme", "worker") }, []string{"worker"}, "worker: It is meant to run and does not"},
		{"what Reserve makes", func(w *world) bool { return w.cell.Lose("uid-acme", "db", "") }, nil, "Gone: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, _ := served(t, options{})
			jobs := w.stamp("acme").GetJobsDone()
			if !c.change(w) {
				t.Fatal("it does not run")
			}
			changed := pids(w)
			testkit.Eventually(t, soon, func() error {
				if now := w.cell.Calls(); now["Reserve"]+now["Ensure"] == 4 { // those of the creation
					return fmt.Errorf("calls %v", now)
				}
				return nil
			})
			w.untilRepaired(changed, c.again...)
			if !maps.Equal(jobs, w.stamp("acme").GetJobsDone()) {
				t.Errorf("jobs %v, before %v", w.stamp("acme").GetJobsDone(), jobs)
			}
			if op := w.operation("acme", 2); op != nil {
				t.Errorf("a repair made an operation: %v", op)
			}
			w.untilTold("repair.drift services/provisioner: Repaired by itself. " + c.says)
		})
	}
}

// untilTold waits for the one entry of the timeline to say this.
func (w *world) untilTold(want string) {
	w.t.Helper()
	testkit.Eventually(w.t, soon, func() error {
		if all := w.registry.Timeline("acme"); len(all) != 1 || !strings.Contains(all[0], want) {
			return fmt.Errorf("timeline %q, want %q", all, want)
		}
		return nil
	})
}

// A stamp that breaks again and again does not flood its timeline.
func TestOneEntryForManyRepairs(t *testing.T) {
	t.Parallel()
	w, _ := served(t, options{})
	for range 3 {
		before := pids(w)
		if !w.cell.Kill("uid-acme", "worker") {
			t.Fatal("it does not run")
		}
		w.untilRepaired(before, "worker")
		w.untilDrift("")
		w.untilTold("worker: ")
	}
}

// What a supervisor has cured before anybody looked leaves a trace, too.
func TestAnOutageThatIsOverIsTold(t *testing.T) {
	t.Parallel()
	w, _ := served(t, options{})
	if !w.cell.Revive("uid-acme", "worker") {
		t.Fatal("it does not run")
	}
	w.untilTold("repair.drift services/provisioner: Repaired by itself. worker: Its process ended (signal: killed), and its supervisor started it again.")
	w.untilDrift("")
	if n := w.cell.Calls()["Ensure"]; n != 3 { // those of the creation
		t.Errorf("%d starts", n)
	}
	w.cell.Revive("uid-acme", "worker") // told within the hour
	testkit.Eventually(t, soon, func() error {
		for _, c := range w.stamp("acme").GetComponents() {
			if c.GetName() == "worker" && c.GetRestarts() == 2 {
				return nil
			}
		}
		return fmt.Errorf("components %v", w.stamp("acme").GetComponents())
	})
	w.untilTold("worker: ")
}

func TestDriftIsOnlyShownByPolicy(t *testing.T) {
	t.Parallel()
	w, r := served(t, options{})
	w.quietly(r, func(t *registryv1.Tenant) { t.DriftPolicy = registryv1.Tenant_SHOW })
	w.cell.Change("uid-acme", "app")
	w.cell.Kill("uid-acme", "worker")
	calls := w.cell.Calls()
	w.untilDrift("CHANGED app, NOT_RUNNING worker")
	if now := w.cell.Calls(); now["Ensure"] != calls["Ensure"] || now["Stop"] != calls["Stop"] {
		t.Errorf("repaired: %v, before %v", now, calls)
	}
	changed := pids(w)
	w.quietly(r, func(t *registryv1.Tenant) { t.DriftPolicy = registryv1.Tenant_REPAIR })
	w.untilDrift("")
	if now := pids(w); now["app"] == changed["app"] || now["worker"] == 0 || now["db"] != changed["db"] {
		t.Errorf("processes %v, before %v", now, changed)
	}
}

func TestDriftOfAHeldTenantIsOnlyShown(t *testing.T) {
	t.Parallel()
	w, r := served(t, options{})
	w.quietly(r, func(t *registryv1.Tenant) {
		t.Hold = &registryv1.Hold{Owner: "dana", Reason: "audit", ExpireTime: timestamppb.New(time.Now().Add(time.Hour))}
	})
	w.cell.ChangeFile("uid-acme", "app", "app.conf")
	calls := w.cell.Calls()
	w.untilDrift("FILE_CHANGED app")
	w.untilObstacle("acme", "HELD")
	w.cell.Kill("uid-acme", "worker") // seen while the same obstacle stands
	w.untilDrift("FILE_CHANGED app, NOT_RUNNING worker")
	if now := w.cell.Calls(); now["Ensure"] != calls["Ensure"] || now["Stop"] != calls["Stop"] {
		t.Errorf("repaired under a hold: %v, before %v", now, calls)
	}
	w.quietly(r, func(t *registryv1.Tenant) { t.Hold = nil })
	w.untilDrift("")
}

// TestLostDataIsNeverReplaced: nothing is made in place of a volume that is
// gone, whatever else is wished for; and all goes on when it is back.
func TestLostDataIsNeverReplaced(t *testing.T) {
	t.Parallel()
	w, _ := served(t, options{})
	w.cell.Lose("uid-acme", "db", "data")
	w.cell.Kill("uid-acme", "db")
	w.untilDrift("NOT_RUNNING db, MISSING db")
	if o := w.untilObstacle("acme", "DATA_MISSING"); !strings.Contains(o.GetMessage(), "db.data") || o.GetNextAction() == "" {
		t.Errorf("obstacle %v", o)
	}
	calls := w.cell.Calls()
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint = w.rev2 })
	testkit.Eventually(t, soon, func() error {
		if m := w.operation("acme", 2); len(m.GetObstacles()) == 0 {
			return fmt.Errorf("operation %v", m)
		}
		return nil
	})
	if now := w.cell.Calls(); now["Ensure"] != calls["Ensure"] || now["Reserve"] != calls["Reserve"] || now["Stop"] != calls["Stop"] {
		t.Errorf("touched: %v, before %v", now, calls)
	}
	w.cell.Find("uid-acme")
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	w.untilDrift("")
}

func TestAStampThatIsGoneIsNotMadeEmpty(t *testing.T) {
	t.Parallel()
	w, _ := served(t, options{})
	calls := w.cell.Calls()
	w.cell.Vanish("uid-acme")
	w.untilDrift("MISSING")
	if o := w.untilObstacle("acme", "DATA_MISSING"); !strings.Contains(o.GetMessage(), "db.data") {
		t.Errorf("obstacle %v", o)
	}
	if now := w.cell.Calls(); now["Reserve"] != calls["Reserve"] {
		t.Errorf("made again: %v, before %v", now, calls)
	}
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.DeleteTime, t.Purging = timestamppb.Now(), true })
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
}

// rewriter is a cell whose app changes its own file whenever it starts.
type rewriter struct {
	driver.Driver
	cell *memory.Driver
}

func (c *rewriter) around(cell *memory.Driver) *rewriter { return &rewriter{Driver: cell, cell: cell} }

func (c *rewriter) Ensure(ctx context.Context, ref driver.Ref, m driver.Manifest, name string) error {
	err := c.Driver.Ensure(ctx, ref, m, name)
	c.cell.ChangeFile(ref.UID, "app", "app.conf")
	return err
}

func (c *rewriter) Watch(ctx context.Context, changed func(string)) error {
	return memory.Watched{Driver: c.cell}.Watch(ctx, changed)
}

// TestAProgramThatChangesItsOwnFile is started anew once, not for ever.
func TestAProgramThatChangesItsOwnFile(t *testing.T) {
	t.Parallel()
	w, _ := served(t, options{cell: map[string]driver.Driver{"one": &rewriter{}}, resync: 50 * time.Millisecond})
	testkit.Eventually(t, soon, func() error {
		found := w.untilDrift("FILE_CHANGED app")
		if !strings.Contains(found[0].GetMessage(), "differs again") {
			return fmt.Errorf("drift %v", found)
		}
		return nil
	})
	calls := w.cell.Calls()
	testkit.Eventually(t, soon, func() error {
		if n := w.cell.Calls()["Observe"] - calls["Observe"]; n < 10 {
			return fmt.Errorf("%d looks", n)
		}
		return nil
	})
	if now := w.cell.Calls(); now["Ensure"] != calls["Ensure"] {
		t.Errorf("started again and again: %v, before %v", now, calls)
	}
}
