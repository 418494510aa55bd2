package engine_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
)

func TestMain(m *testing.M) {
	testkit.AtOnce(8)
	defer func() { _ = os.RemoveAll(supervisorDir) }() // empty when none was built
	testkit.Main(m)
}

// leaks checks at the end of a test that nothing of it runs on.
func leaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func running(w *world, uid string) []string {
	obs, err := w.cell.Observe(w.t.Context(), driver.Ref{Tenant: strings.TrimPrefix(uid, "uid-"), UID: uid})
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for name, c := range obs.Components {
		if c.Running {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestCreateSuspendResumeDeletePurge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{})
	w.start(options{places: true})
	w.create("acme")
	m := w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	if m.GetKind() != typev1.OperationMetadata_CREATE || m.GetUrl() == "" || m.GetTraceId() == "" || m.GetCell() != "cells/one" {
		t.Errorf("operation %v", m)
	}
	var ids []string
	for _, s := range m.GetSteps() {
		ids = append(ids, s.GetId())
		if s.GetState() != typev1.Step_DONE || s.GetStartTime() == nil || s.GetEndTime() == nil {
			t.Errorf("step %v", s)
		}
	}
	for _, want := range []string{"place", "site.reserve", "secrets.make", "db.setup", "db.start", "db.ready", "app.migrate", "app.start", "app.ready", "worker.start", "worker.ready", "smoke.1", "smoke.2", "report"} {
		if !slices.Contains(ids, want) {
			t.Errorf("no step %s in %v", want, ids)
		}
	}
	if st := w.registry.Tenant("acme").GetStatus(); st.GetPhase() != registryv1.TenantStatus_DONE || st.GetUrl() == "" || st.GetRevision() != w.rev1 {
		t.Errorf("status %v", st)
	}
	if got := running(w, "uid-acme"); !slices.Equal(got, []string{"app", "db", "worker"}) {
		t.Errorf("running %v", got)
	}
	checkLedger(t, w.stamp("acme"))

	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = true })
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	if got := running(w, "uid-acme"); len(got) != 0 {
		t.Errorf("suspended, running %v", got)
	}
	jobs := w.cell.Calls()["RunJob"]
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = false })
	if m := w.until("acme", 3, typev1.OperationMetadata_SUCCEEDED); m.GetKind() != typev1.OperationMetadata_RESUME {
		t.Errorf("kind %s", m.GetKind())
	}
	if got := running(w, "uid-acme"); len(got) != 3 {
		t.Errorf("resumed, running %v", got)
	}
	if n := w.cell.Calls()["RunJob"] - jobs; n != 2 { // one ready probe, one smoke check
		t.Errorf("resume ran %d commands, want 2: setup and migrate are not to run again", n)
	}

	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.DeleteTime = timestamppb.Now() })
	w.until("acme", 4, typev1.OperationMetadata_SUCCEEDED)
	if len(w.cell.Tenants()) != 1 {
		t.Error("deleting destroyed the data")
	}
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Purging = true })
	w.until("acme", 5, typev1.OperationMetadata_SUCCEEDED)
	if len(w.cell.Tenants()) != 0 || w.stamp("acme") != nil || !w.registry.Purged("acme") {
		t.Errorf("purged: cell has %v, stamp %v, reported %v", w.cell.Tenants(), w.stamp("acme"), w.registry.Purged("acme"))
	}
	if left, _ := w.records().Secrets.Get(t.Context(), "acme"); left.Value != nil {
		t.Error("secrets are left")
	}
	if left, _ := w.records().Placements.Get(t.Context(), "acme"); left.Value != nil {
		t.Error("the placement is left")
	}
	if accepted, refused := w.registry.Reports(); refused != 0 {
		t.Errorf("%d reports were accepted, %d refused: an owner contradicted itself", accepted, refused)
	}
}

// checkLedger looks for secret values, which must not be there.
func checkLedger(t *testing.T, s *pb.Stamp) {
	t.Helper()
	if len(s.GetLedger()) != 4 {
		t.Errorf("ledger has %d entries, want site and three components", len(s.GetLedger()))
	}
	found := false
	for _, e := range s.GetLedger() {
		if e.GetState() != pb.LedgerEntry_PRESENT {
			t.Errorf("%s is %s", e.GetName(), e.GetState())
		}
		found = found || strings.Contains(e.GetRendered(), "secret:db_password@1")
	}
	if !found {
		t.Error("no placeholder in the ledger")
	}
}

func TestUpgradeTouchesOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{})
	w.start(options{places: true})
	w.create("acme")
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	before := pids(w)
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint = w.rev2 })
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	after := pids(w)
	if before["db"] != after["db"] || before["app"] == after["app"] {
		t.Errorf("before %v, after %v: want the same db and another app", before, after)
	}
	if s := w.stamp("acme"); s.GetRevision() != w.rev2 || s.GetJobsDone()["app.migrate"] != w.rev2 {
		t.Errorf("revision %s, jobs %v", s.GetRevision(), s.GetJobsDone())
	}
}

func pids(w *world) map[string]int {
	obs, err := w.cell.Observe(w.t.Context(), driver.Ref{Tenant: "acme", UID: "uid-acme"})
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string]int{}
	for name, c := range obs.Components {
		if len(c.PIDs) == 1 {
			all[name] = c.PIDs[0]
		}
	}
	return all
}

func TestFailures(t *testing.T) {
	t.Parallel()
	exit := func(prefix string, code int) func(context.Context, driver.Ref, driver.Manifest, driver.Job) (driver.JobResult, error) {
		return func(_ context.Context, _ driver.Ref, _ driver.Manifest, j driver.Job) (driver.JobResult, error) {
			if strings.HasPrefix(j.ID, prefix) {
				return driver.JobResult{ExitCode: code, Output: []string{"first", "the cause"}}, nil
			}
			return driver.JobResult{}, nil
		}
	}
	for _, c := range []struct {
		name     string
		cfg      memory.Config
		refuse   string
		code     typev1.Failure_Code
		attempts int32
		evidence string
	}{
		{"setup", memory.Config{Job: exit("db.setup", 3)}, "", typev1.Failure_SETUP_FAILED, 3, "the cause"},
		{"migration: never tried again", memory.Config{Job: exit("app.migrate", 1)}, "", typev1.Failure_MIGRATION_FAILED, 1, "exit code 1"},
		{"smoke in a component", memory.Config{Job: exit("app.smoke", 1)}, "", typev1.Failure_SMOKE_FAILED, 3, "the cause"},
		{"never ready", memory.Config{}, "*", typev1.Failure_NEVER_READY, 3, "connection refused"},
		{"exits at once", memory.Config{Fault: nil}, "", typev1.Failure_COMPONENT_EXITED, 3, "killed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.cfg)
			r := w.start(options{places: true})
			if c.refuse != "" {
				r.prober.set(c.refuse, "connection refused")
			}
			if c.code == typev1.Failure_COMPONENT_EXITED {
				stop := killer(w, "worker")
				defer stop()
			}
			w.create("acme")
			m := w.until("acme", 1, typev1.OperationMetadata_FAILED)
			f := m.GetFailure()
			if f.GetCode() != c.code || f.GetRetryable() || m.GetAttempt() != c.attempts {
				t.Errorf("attempt %d: %v", m.GetAttempt(), f)
			}
			if !strings.Contains(strings.Join(f.GetEvidence(), "\n"), c.evidence) || f.GetNextAction() == "" {
				t.Errorf("evidence %q, next %q", f.GetEvidence(), f.GetNextAction())
			}
			testkit.Eventually(t, soon, func() error {
				if st := w.registry.Tenant("acme").GetStatus(); st.GetPhase() != registryv1.TenantStatus_GAVE_UP || st.GetFailure().GetCode() != c.code {
					return fmt.Errorf("status %v", st)
				}
				return nil
			})
		})
	}
}

// killer ends a component again and again, as a program that crashes does.
func killer(w *world, component string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				w.cell.Kill("uid-acme", component)
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

func TestPreemption(t *testing.T) {
	t.Parallel()
	inMigration, goOn := make(chan struct{}, 8), make(chan struct{})
	w := newWorld(t, memory.Config{Job: func(ctx context.Context, _ driver.Ref, _ driver.Manifest, j driver.Job) (driver.JobResult, error) {
		if strings.HasPrefix(j.ID, "app.migrate-1.0.0") {
			inMigration <- struct{}{}
			select {
			case <-goOn:
			case <-ctx.Done():
				return driver.JobResult{}, ctx.Err()
			}
		}
		return driver.JobResult{}, nil
	}})
	w.start(options{places: true})
	w.create("acme")
	<-inMigration
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint = w.rev2 })
	if m := w.operation("acme", 1); m.GetState() != typev1.OperationMetadata_RUNNING {
		t.Errorf("cut inside a job: %s", m.GetState())
	}
	close(goOn)
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	w.until("acme", 1, typev1.OperationMetadata_SUPERSEDED)
	if s := w.stamp("acme"); s.GetRevision() != w.rev2 {
		t.Errorf("revision %s", s.GetRevision())
	}
}

func TestCancelAtStepBoundary(t *testing.T) {
	t.Parallel()
	inSetup, goOn := make(chan struct{}, 8), make(chan struct{})
	w := newWorld(t, memory.Config{Job: func(_ context.Context, _ driver.Ref, _ driver.Manifest, j driver.Job) (driver.JobResult, error) {
		if strings.HasPrefix(j.ID, "db.setup") {
			inSetup <- struct{}{}
			<-goOn
		}
		return driver.JobResult{}, nil
	}})
	w.start(options{places: true})
	w.create("acme")
	<-inSetup
	if _, err := w.records().Operations.Update(t.Context(), "acme.1", func(op *pb.OperationRecord) error { op.CancelRequested = true; return nil }); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	m := w.until("acme", 1, typev1.OperationMetadata_CANCELLED)
	if m.GetFailure().GetCode() != typev1.Failure_CANCELLED || w.stamp("acme").GetJobsDone()["db.setup"] != "once" {
		t.Errorf("failure %v, jobs %v", m.GetFailure(), w.stamp("acme").GetJobsDone())
	}
	w.registry.Wish("acme", func(*registryv1.Tenant) {}) // retry
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
}

// TestSetupBeginsOnEmptyVolumes: one that was cut short does not keep the next
// from succeeding, however strict it is.
func TestSetupBeginsOnEmptyVolumes(t *testing.T) {
	t.Parallel()
	disk, tries := &memory.Disk{}, 0
	w := newWorld(t, memory.Config{Disk: disk, Job: func(_ context.Context, _ driver.Ref, m driver.Manifest, j driver.Job) (driver.JobResult, error) {
		if !strings.HasPrefix(j.ID, "db.setup") {
			if j.Fresh {
				t.Errorf("job %s asks for empty volumes", j.ID)
			}
			return driver.JobResult{}, nil
		}
		if tries++; len(disk.Files(m.Site.Volumes["db.data"])) > 0 {
			return driver.JobResult{ExitCode: 1, Output: []string{"directory exists but is not empty"}}, nil
		}
		disk.Put(m.Site.Volumes["db.data"]+"/pg", "half")
		if tries == 1 {
			return driver.JobResult{}, errs.New(errs.Unavailable, "SUPERVISOR_UNAVAILABLE", "the supervisor ended before it answered")
		}
		return driver.JobResult{}, nil
	}})
	w.start(options{places: true})
	w.create("acme")
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	if tries != 2 {
		t.Errorf("set up in %d tries, want 2", tries)
	}
}

func TestKilledComponentComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{})
	w.start(options{places: true, resync: 50 * time.Millisecond})
	w.create("acme")
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	before := pids(w)
	w.cell.Kill("uid-acme", "app")
	testkit.Eventually(t, soon, func() error {
		if now := pids(w); now["app"] == 0 || now["app"] == before["app"] || now["db"] != before["db"] {
			return fmt.Errorf("before %v, now %v", before, now)
		}
		return nil
	})
}

func TestCapacityExhaustedThenFreed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{Allocatable: map[string]int64{"stamps": 2}})
	w.start(options{places: true})
	for _, id := range []string{"a", "b"} {
		w.create(id)
		w.until(id, 1, typev1.OperationMetadata_SUCCEEDED)
	}
	w.create("c")
	testkit.Eventually(t, soon, func() error {
		m, st := w.operation("c", 1), w.registry.Tenant("c").GetStatus()
		if len(m.GetObstacles()) != 1 || m.GetObstacles()[0].GetCode() != "CAPACITY_EXHAUSTED" || len(st.GetObstacles()) != 1 {
			return fmt.Errorf("operation %v, status %v", m, st)
		}
		if !strings.Contains(m.GetObstacles()[0].GetMessage(), "stamps is short: 1 needed, 0 free of 2") {
			return fmt.Errorf("says %q", m.GetObstacles()[0].GetMessage())
		}
		return nil
	})
	if n := len(w.cell.Tenants()); n != 2 {
		t.Fatalf("%d stamps in a cell for two", n)
	}
	w.registry.Wish("a", func(t *registryv1.Tenant) { t.DeleteTime, t.Purging = timestamppb.Now(), true })
	m := w.until("c", 1, typev1.OperationMetadata_SUCCEEDED)
	if len(m.GetObstacles()) != 0 || len(w.registry.Tenant("c").GetStatus().GetObstacles()) != 0 {
		t.Errorf("obstacles are left: %v", m.GetObstacles())
	}
}

func TestCordonedCellTakesNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{})
	w.registry.Cordon("one", true)
	w.start(options{places: true})
	w.create("acme")
	testkit.Eventually(t, soon, func() error {
		if o := w.operation("acme", 1).GetObstacles(); len(o) != 1 || o[0].GetCode() != "CELL_CORDONED" {
			return fmt.Errorf("obstacles %v", o)
		}
		return nil
	})
	w.registry.Cordon("one", false)
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
}

func TestUnknownRevisionIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{})
	w.start(options{places: true})
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint, t.Plan = "blueprints/desk/revisions/9.9.9", "standard" })
	testkit.Eventually(t, soon, func() error {
		if o := w.operation("acme", 1).GetObstacles(); len(o) != 1 || o[0].GetCode() != "RENDER_FAILED" {
			return fmt.Errorf("obstacles %v", o)
		}
		return nil
	})
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint = w.rev1 })
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	w.until("acme", 1, typev1.OperationMetadata_SUPERSEDED)
}

func TestMissingNeverDeletes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{})
	r := w.start(options{places: true})
	w.create("acme")
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	w.stop(r)
	w.registry.Forget("acme")
	w.start(options{places: true, resync: 20 * time.Millisecond})
	w.create("other")
	w.until("other", 1, typev1.OperationMetadata_SUCCEEDED)
	if w.stamp("acme") == nil || len(running(w, "uid-acme")) != 3 {
		t.Error("a stamp went because its tenant was missing")
	}
}

func TestFiftyAtOnce(t *testing.T) {
	leaks(t)
	w := newWorld(t, memory.Config{})
	w.start(options{places: true})
	for i := range 50 {
		w.create(fmt.Sprintf("t%d", i))
	}
	for i := range 50 {
		w.until(fmt.Sprintf("t%d", i), 1, typev1.OperationMetadata_SUCCEEDED)
	}
	if calls := w.cell.Calls(); calls["Reserve"] != 50 || calls["Ensure"] != 150 {
		t.Errorf("calls %v, want each component made once", calls)
	}
}
