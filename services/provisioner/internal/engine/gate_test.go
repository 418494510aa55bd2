package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
	"stampworks.dev/services/provisioner/internal/engine"
)

// untilObstacle waits for the registry to be told of one.
func (w *world) untilObstacle(id, code string) *typev1.Obstacle {
	w.t.Helper()
	var found *typev1.Obstacle
	testkit.Eventually(w.t, soon, func() error {
		for _, o := range w.registry.Tenant(id).GetStatus().GetObstacles() {
			if o.GetCode() == code {
				found = o
				return nil
			}
		}
		return fmt.Errorf("obstacles %v, want %s", w.registry.Tenant(id).GetStatus().GetObstacles(), code)
	})
	return found
}

// TestWhatLastsHoldsNothingUp: that an upgrade failed is no reason for what is asked
// for after to wait, and is not told as one.
func TestWhatLastsHoldsNothingUp(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.open("acme")
	w.disk.Put("/flags/broken", "yes")
	w.start(options{})
	w.upgrade("acme")
	w.until("acme", 2, typev1.OperationMetadata_FAILED)
	w.untilObstacle("acme", "UPGRADE_FAILED")
	w.cell.Lose("uid-acme", "db", "data")
	op, err := w.records().Ask(t.Context(), engine.AskRepair(w.stamp("acme"), "app", ""))
	if err != nil {
		t.Fatal(err)
	}
	id := strings.TrimPrefix(op.GetName(), "operations/")
	testkit.Eventually(t, soon, func() error {
		v, err := w.records().Operations.Get(t.Context(), id)
		if all := v.Value.GetMetadata().GetObstacles(); err != nil || len(all) != 1 || all[0].GetCode() != "DATA_MISSING" {
			return fmt.Errorf("it waits for %v, %w", all, err)
		}
		return nil
	})
	w.untilObstacle("acme", "UPGRADE_FAILED")
}

func TestAHeldTenantWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{})
	w.start(options{places: true})
	w.create("acme")
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	before := pids(w)
	w.registry.Wish("acme", func(t *registryv1.Tenant) {
		t.Blueprint = w.rev2
		t.Hold = &registryv1.Hold{Owner: "dana", Reason: "audit", ExpireTime: timestamppb.New(time.Now().Add(time.Hour))}
	})
	o := w.untilObstacle("acme", "HELD")
	if !strings.Contains(o.GetMessage(), "dana") || !strings.Contains(o.GetMessage(), "audit") || o.GetSince() == nil {
		t.Errorf("obstacle %v", o)
	}
	if after := pids(w); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("processes changed under a hold: %v, %v", before, after)
	}
	w.registry.Quietly("acme", func(t *registryv1.Tenant) { t.Hold = nil })
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	testkit.Eventually(t, soon, func() error {
		if st := w.registry.Tenant("acme").GetStatus(); len(st.GetObstacles()) > 0 {
			return fmt.Errorf("obstacles are left: %v", st.GetObstacles())
		}
		return nil
	})
}

func TestAnUpgradeWaitsForItsWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{})
	w.start(options{places: true})
	w.create("acme")
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	far := time.Now().UTC().Add(48 * time.Hour)
	w.registry.Wish("acme", func(t *registryv1.Tenant) {
		t.Blueprint = w.rev2
		t.MaintenanceWindow = &registryv1.MaintenanceWindow{
			Schedule: fmt.Sprintf("0 %d %d %d *", far.Hour(), far.Day(), far.Month()), Duration: durationpb.New(time.Hour),
		}
	})
	if o := w.untilObstacle("acme", "MAINTENANCE_WINDOW"); !strings.Contains(o.GetMessage(), far.Format("2006-01-02")) {
		t.Errorf("obstacle %v", o)
	}
	w.registry.Quietly("acme", func(t *registryv1.Tenant) { t.UrgentGeneration = t.GetGeneration() })
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
}

// A window that cannot be computed is closed: nothing that waits for it begins by
// accident.
func TestAWindowThatNeverOpensIsClosed(t *testing.T) {
	t.Parallel()
	for _, schedule := range []string{"0 3 30 2 *", "every night"} {
		t.Run(schedule, func(t *testing.T) {
			w := newWorld(t, memory.Config{})
			w.start(options{places: true})
			w.create("acme")
			w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
			w.registry.Wish("acme", func(t *registryv1.Tenant) {
				t.Blueprint = w.rev2
				t.MaintenanceWindow = &registryv1.MaintenanceWindow{Schedule: schedule, Duration: durationpb.New(time.Hour)}
			})
			if o := w.untilObstacle("acme", "MAINTENANCE_WINDOW"); !strings.Contains(o.GetMessage(), fmt.Sprintf("never opens, for its schedule %q", schedule)) {
				t.Errorf("obstacle %v", o)
			}
			w.registry.Quietly("acme", func(t *registryv1.Tenant) { t.MaintenanceWindow = nil })
			w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
		})
	}
}

// TestHangingStepsOfOneTenantDelayNoOther fills a tenant's share with jobs that
// hang, more than the shard has room for.
func TestHangingStepsOfOneTenantDelayNoOther(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 20 {
		fmt.Fprintf(&many, "  c%d: {artifact: desk, run: desk serve, migrate: desk hang}\n", i)
	}
	release := make(chan struct{})
	w := newWorld(t, memory.Config{Job: func(ctx context.Context, ref driver.Ref, _ driver.Manifest, j driver.Job) (driver.JobResult, error) {
		if ref.Tenant == "slow" {
			select {
			case <-release:
			case <-ctx.Done():
				return driver.JobResult{}, ctx.Err()
			}
		}
		return driver.JobResult{}, nil
	}})
	wide := w.registry.Publish(t, `
blueprint: wide
revision: 1.0.0
artifacts: {desk: {file: /opt/desk, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}}
plans: {standard: {}}
components:
`+many.String())
	w.start(options{parallel: 8})
	w.place(w.registry.Wish("slow", func(t *registryv1.Tenant) { t.Blueprint, t.Plan = wide, "standard" }), "one")
	testkit.Eventually(t, soon, func() error {
		if n := w.cell.Calls()["RunJob"]; n < 2 {
			return fmt.Errorf("%d jobs hang", n)
		}
		return nil
	})
	w.place(w.create("quick"), "one")
	w.until("quick", 1, typev1.OperationMetadata_SUCCEEDED)
	close(release)
	w.until("slow", 1, typev1.OperationMetadata_SUCCEEDED)
}

func TestAForcedPurgeSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{Fault: func(_ context.Context, c memory.Call) error {
		if c.Verb == "Destroy" {
			return fmt.Errorf("/cell/acme: device or resource busy")
		}
		return nil
	}})
	w.start(options{places: true})
	w.create("acme")
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	w.registry.Wish("acme", func(t *registryv1.Tenant) {
		t.DeleteTime, t.Purging, t.Purge = timestamppb.Now(), true, &registryv1.Purge{Principal: "tokens/admin"}
	})
	m := w.until("acme", 2, typev1.OperationMetadata_FAILED)
	if f := m.GetFailure(); f.GetCode() != typev1.Failure_DESTROY_INCOMPLETE || f.GetOwner() != typev1.Failure_OPERATOR || f.GetRetryable() {
		t.Errorf("failure %v", f)
	}
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Purge.Force = true })
	w.until("acme", 3, typev1.OperationMetadata_SUCCEEDED)
	r := w.registry.Receipt("acme")
	left, gone := strings.Join(r.GetLeftBehind(), "\n"), strings.Join(r.GetDestroyed(), "\n")
	if !strings.Contains(left, "busy") || !strings.Contains(left, "directory ") || !strings.Contains(left, "component app") {
		t.Errorf("left behind %q", left)
	}
	for _, what := range []string{"directory ", "address ", "volume ", "component app"} {
		if strings.Contains(gone, what) {
			t.Errorf("%s is said to be destroyed: %q", what, gone)
		}
	}
}

// What was ended is gone, though a file is left; so is a stamp that could be
// destroyed in the end.
func TestAForcedPurgeTellsEndedFromLeft(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"a file is left": false, "it went in the end": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, memory.Config{})
			w.start(options{places: true})
			uid := w.create("acme").GetUid()
			w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
			w.cell.Pin(uid, "/cell/acme/held")
			w.registry.Wish("acme", func(t *registryv1.Tenant) {
				t.DeleteTime, t.Purging, t.Purge = timestamppb.Now(), true, &registryv1.Purge{Principal: "tokens/admin"}
			})
			w.until("acme", 2, typev1.OperationMetadata_FAILED)
			if again {
				w.cell.Pin(uid, "")
			}
			w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Purge.Force = true })
			w.until("acme", 3, typev1.OperationMetadata_SUCCEEDED)
			r := w.registry.Receipt("acme")
			left, gone := strings.Join(r.GetLeftBehind(), "\n"), strings.Join(r.GetDestroyed(), "\n")
			if !strings.Contains(gone, "component app") || strings.Contains(gone, "directory ") != again || strings.Contains(left, "directory ") == again {
				t.Errorf("destroyed %q, left %q", gone, left)
			}
		})
	}
}

// closedWindow is one that opens in two days.
func closedWindow() *registryv1.MaintenanceWindow {
	far := time.Now().UTC().Add(48 * time.Hour)
	return &registryv1.MaintenanceWindow{
		Schedule: fmt.Sprintf("0 %d %d %d *", far.Hour(), far.Day(), far.Month()), Duration: durationpb.New(time.Hour),
	}
}

// An update that restarts what runs waits for the window; one that does not is
// done at once.
func TestADisturbingUpdateWaitsForItsWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{})
	w.start(options{places: true})
	w.create("acme")
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	before := pids(w)
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.DisplayName, t.MaintenanceWindow = "Acme Space", closedWindow() })
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	w.registry.Wish("acme", func(t *registryv1.Tenant) {
		t.Overrides = &registryv1.Overrides{Resources: map[string]*typev1.Resources{"app": {Memory: "256Mi"}}}
	})
	if o := w.untilObstacle("acme", "MAINTENANCE_WINDOW"); !strings.HasPrefix(o.GetMessage(), "The update waits") {
		t.Errorf("obstacle %v", o)
	}
	if after := pids(w); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("processes changed outside of the window: %v, %v", before, after)
	}
	w.registry.Quietly("acme", func(t *registryv1.Tenant) { t.UrgentGeneration = t.GetGeneration() })
	w.until("acme", 3, typev1.OperationMetadata_SUCCEEDED)
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Overrides = nil }) // as when they expire
	w.untilObstacle("acme", "MAINTENANCE_WINDOW")
}

// To suspend and to resume is no way around the window; what was suspended is
// resumed at once on the revision that it was stopped on.
func TestAResumeOnAnotherRevisionWaitsForItsWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{})
	w.start(options{places: true})
	w.create("acme")
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint, t.MaintenanceWindow = w.rev2, closedWindow() })
	w.untilObstacle("acme", "MAINTENANCE_WINDOW")
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = true })
	if m := w.until("acme", 3, typev1.OperationMetadata_SUCCEEDED); m.GetKind() != typev1.OperationMetadata_SUSPEND || m.GetRevision() != w.rev1 {
		t.Errorf("suspended by %v, want the revision that it was on", m)
	}
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = false })
	o := w.untilObstacle("acme", "MAINTENANCE_WINDOW")
	if !strings.HasPrefix(o.GetMessage(), "The resume on 1.1.0 waits") || !strings.Contains(o.GetNextAction(), "back to 1.0.0") {
		t.Errorf("obstacle %v", o)
	}
	if got := running(w, "uid-acme"); len(got) != 0 || w.stamp("acme").GetRevision() != w.rev1 {
		t.Errorf("outside of the window %v runs on %s", got, w.stamp("acme").GetRevision())
	}
	w.registry.Wish("acme", func(t *registryv1.Tenant) { // as the registry has it of an upgrade
		t.Blueprint, t.GenerationKind = w.rev1, typev1.OperationMetadata_UPGRADE
	})
	w.until("acme", 5, typev1.OperationMetadata_SUCCEEDED)
	if got := running(w, "uid-acme"); len(got) != 3 || w.stamp("acme").GetRevision() != w.rev1 {
		t.Errorf("set back, %v runs on %s", got, w.stamp("acme").GetRevision())
	}
}
