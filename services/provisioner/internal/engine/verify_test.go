package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/record"
)

var firstBackup = driver.BackupRef{Tenant: "acme", UID: "uid-acme", ID: "backup-1"}

// kept opens a shop whose customer has a backup, and has written since.
func kept(t *testing.T) *shopWorld {
	t.Helper()
	w := newShop(t)
	w.open("acme")
	r := w.start(options{})
	w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
	w.ended("acme.backup-1", typev1.OperationMetadata_SUCCEEDED)
	w.stop(r)
	w.write("acme", "2 rockets")
	return w
}

func (w *shopWorld) backup() *pb.Backup {
	w.t.Helper()
	v, err := w.records().Backups.Get(w.t.Context(), "acme/backup-1")
	if err != nil {
		w.t.Fatal(err)
	}
	return v.Value
}

// verify asks to try the backup. It is placed by the test, where no placer runs.
func (w *shopWorld) verify(place bool) {
	w.t.Helper()
	if place {
		w.place(&registryv1.Tenant{Name: "tenants/1-verify-acme", Uid: "uid-acme-verify-1", Blueprint: w.rev1}, "one")
	}
	e := engine.AskVerify(w.stamp("acme"), w.registry.Tenant("acme"), w.backup())
	e.Principal = "tokens/dba"
	if _, err := w.records().Ask(w.t.Context(), e); err != nil {
		w.t.Fatal(err)
	}
}

// nothingLeft checks that a trial has left nothing, and the customer as he was.
func (w *shopWorld) nothingLeft() {
	w.t.Helper()
	records := w.records()
	left := slices.Concat(ids(w.t, records.Trials), ids(w.t, records.Stamps), ids(w.t, records.Placements), ids(w.t, records.Secrets))
	if want := []string{"one/acme", "acme", "acme"}; !slices.Equal(left, want) || !slices.Equal(w.cell.Tenants(), []string{"acme"}) {
		w.t.Errorf("left: records %v, in the cell %v", left, w.cell.Tenants())
	}
	w.has("acme", "2 rockets", "1.0.0")
	w.serves("acme", w.rev1)
}

func ids[T proto.Message](t *testing.T, c *store.Collection[T]) []string {
	t.Helper()
	found, _, err := c.List(t.Context(), store.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	all := make([]string, 0, len(found))
	for _, v := range found {
		all = append(all, c.ID(v.Key))
	}
	return all
}

func TestBackupIsTriedInAThrowAwayStamp(t *testing.T) {
	t.Parallel()
	w := kept(t)
	pid := pids(w.world)["app"]
	_, refused := w.registry.Reports()
	w.start(options{places: true, shards: 4})
	w.verify(false)
	m := w.ended("acme.verify-1", typev1.OperationMetadata_SUCCEEDED)
	var steps []string
	for _, s := range m.GetSteps() {
		steps = append(steps, s.GetId())
	}
	for _, want := range []string{"restore.fetch", "db.restore", "app.migrate", "smoke.1", "site.destroy"} {
		if !slices.Contains(steps, want) {
			t.Errorf("steps %v, want %s among them", steps, want)
		}
	}
	if slices.Contains(steps, "endpoint.open") || slices.Contains(steps, "report") || m.GetUrl() != "" || m.GetCell() != "cells/one" {
		t.Errorf("open to customers, or told: steps %v, URL %q", steps, m.GetUrl())
	}
	if b := w.backup(); b.GetVerifyTime() == nil || b.GetVerifyFailure() != nil {
		t.Errorf("backup %v", b)
	}
	w.nothingLeft()
	if pids(w.world)["app"] != pid || w.registry.Tenant("acme").GetStatus().GetObservedGeneration() != 1 {
		t.Errorf("the customer's own stamp was touched: %v", w.registry.Tenant("acme").GetStatus())
	}
	if _, now := w.registry.Reports(); now != refused {
		t.Error("the registry was told of a tenant that it does not have")
	}
	said := w.registry.Timeline("acme")
	if len(said) != 2 || said[1] != "acme.verify-1 verify.succeeded tokens/dba: The backup backup-1 was tried in a throw-away stamp, and passed" {
		t.Errorf("timeline %v", said)
	}
}

func TestKilledAtEveryPointOfATrial(t *testing.T) {
	t.Parallel()
	crashesOf(t, func(t *testing.T) crashCase {
		w := kept(t)
		return crashCase{
			world: w.world, act: func() { w.verify(true) }, errand: "acme.verify-1", ends: typev1.OperationMetadata_SUCCEEDED, fewest: 20,
			check: func() {
				w.nothingLeft()
				if b := w.backup(); b.GetVerifyTime() == nil || b.GetVerifyFailure() != nil {
					t.Errorf("backup %v", b)
				}
			},
		}
	})
}

func TestKilledAtEveryPointOfATrialThatFails(t *testing.T) {
	t.Parallel()
	crashesOf(t, func(t *testing.T) crashCase {
		w := kept(t)
		w.cell.Damage(firstBackup)
		return crashCase{
			world: w.world, act: func() { w.verify(true) }, errand: "acme.verify-1", ends: typev1.OperationMetadata_FAILED, fewest: 15,
			check: func() {
				w.nothingLeft()
				if f := w.backup().GetVerifyFailure(); f.GetCode() != typev1.Failure_BACKUP_INVALID || w.backup().GetVerifyTime() == nil {
					t.Errorf("backup %v", w.backup())
				}
			},
		}
	})
}

func TestTrialThatDoesNotPass(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		breaks func(w *shopWorld, r *replica)
		code   typev1.Failure_Code
	}{
		"smoke check":    {func(_ *shopWorld, r *replica) { r.prober.set("/readyz", "answered 503") }, typev1.Failure_SMOKE_FAILED},
		"readiness":      {func(_ *shopWorld, r *replica) { r.prober.set("*", "answered 503") }, typev1.Failure_NEVER_READY},
		"damaged backup": {func(w *shopWorld, _ *replica) { w.cell.Damage(firstBackup) }, typev1.Failure_BACKUP_INVALID},
		"no such backup": {func(w *shopWorld, _ *replica) { _ = w.cell.DropBackup(w.t.Context(), firstBackup) }, typev1.Failure_BACKUP_INVALID},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := kept(t)
			r := w.start(options{})
			tt.breaks(w, r)
			w.verify(true)
			w.doesNotPass(tt.code)
		})
	}
	t.Run("restore job", func(t *testing.T) {
		w := brokenShop(t, "db.restore")
		w.write("acme", "2 rockets")
		w.verify(true)
		w.doesNotPass(typev1.Failure_RESTORE_FAILED)
	})
}

func (w *shopWorld) doesNotPass(code typev1.Failure_Code) {
	w.t.Helper()
	if f := w.ended("acme.verify-1", typev1.OperationMetadata_FAILED).GetFailure(); f.GetCode() != code || f.GetRetryable() || strings.Contains(f.GetNextAction(), "retry the tenant") {
		w.t.Errorf("failure %v", f)
	}
	if b := w.backup(); b.GetVerifyTime() == nil || b.GetVerifyFailure().GetCode() != code {
		w.t.Errorf("backup %v", b)
	}
	w.nothingLeft()
	if f := w.stamp("acme").GetFailure(); f != nil {
		w.t.Errorf("the customer's own stamp says %v", f)
	}
}

// begun asks for a trial that never gets ready, and looks where it is: in no list
// of stamps, out of customers' reach, and nothing to make a tenant again from.
func (w *shopWorld) begun(r *replica) {
	w.t.Helper()
	r.prober.set("*", "answered 503")
	w.verify(true)
	var ledger string // of the endpoint
	testkit.Eventually(w.t, soon, func() error {
		v, err := w.records().Trials.Get(w.t.Context(), "one/1-verify-acme")
		for _, e := range v.Value.GetLedger() {
			if ledger = e.GetRendered(); e.GetName() == "app" {
				return nil
			}
		}
		return fmt.Errorf("not begun: %w", err)
	})
	if stamps := ids(w.t, w.records().Stamps); !slices.Equal(stamps, []string{"one/acme"}) || !strings.Contains(ledger, `"--listen","127.64.0.1:8080"`) {
		w.t.Errorf("stamps %v, the endpoint %s", stamps, ledger)
	}
	manifests, err := w.cell.Manifests(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range manifests {
		if m.Tenant == "1-verify-acme" && m.Recovery != nil {
			w.t.Errorf("a tenant could be made of it: %s", m.Recovery.Tenant)
		}
	}
}

func TestTrialIsNotLeftBehind(t *testing.T) {
	t.Parallel()
	w := kept(t)
	w.begun(w.start(options{}))
	w.cell.Pin("uid-acme-verify-1", "a file that is busy")
	w.cancel("acme.verify-1")
	testkit.Eventually(t, soon, func() error {
		if m := w.metadata("acme.verify-1"); m.GetAttempt() < 8 { // a purge gives up before
			return fmt.Errorf("operation %v", m)
		}
		return nil
	})
	w.cell.Pin("uid-acme-verify-1", "")
	w.ended("acme.verify-1", typev1.OperationMetadata_CANCELLED)
	w.nothingLeft()
}

func TestTrialIsCancelled(t *testing.T) {
	t.Parallel()
	w := kept(t)
	w.begun(w.start(options{}))
	w.cancel("acme.verify-1")
	w.ended("acme.verify-1", typev1.OperationMetadata_CANCELLED)
	w.nothingLeft()
	if w.backup().GetVerifyTime() != nil {
		t.Errorf("backup %v", w.backup())
	}
}

// TestTrialWaitsForRoom: it takes part in what a cell has to give.
func TestTrialWaitsForRoom(t *testing.T) {
	t.Parallel()
	for _, cancelled := range []bool{true, false} {
		t.Run(fmt.Sprintf("cancelled %v", cancelled), func(t *testing.T) {
			w := kept(t)
			w.registry.Cordon("one", true)
			w.start(options{places: true})
			w.verify(false)
			testkit.Eventually(t, soon, func() error {
				if m := w.metadata("acme.verify-1"); len(m.GetObstacles()) == 0 {
					return fmt.Errorf("operation %v", m)
				}
				return nil
			})
			ends := typev1.OperationMetadata_SUCCEEDED
			if cancelled {
				w.cancel("acme.verify-1")
				ends = typev1.OperationMetadata_CANCELLED
			} else {
				w.registry.Cordon("one", false)
			}
			w.ended("acme.verify-1", ends)
			w.nothingLeft()
		})
	}
}

func TestTrialOfACustomerWhoGoes(t *testing.T) {
	t.Parallel()
	w := kept(t)
	w.begun(w.start(options{}))
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.DeleteTime, t.Purging = timestamppb.Now(), true })
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	w.ended("acme.verify-1", typev1.OperationMetadata_FAILED)
	if left := ids(t, w.records().Trials); len(left)+len(w.cell.Tenants()) > 0 {
		t.Errorf("left: %v, in the cell %v", left, w.cell.Tenants())
	}
}

// TestTenantsHaveNoIDOfATrial: a tenant's begins with a letter.
func TestTenantsHaveNoIDOfATrial(t *testing.T) {
	op := &pb.OperationRecord{
		Name: "operations/a-1-verify-b.verify-12", Metadata: &typev1.OperationMetadata{Tenant: "tenants/a-1-verify-b"},
		Errand: &pb.Errand{Work: &pb.Errand_VerifyBackup_{VerifyBackup: &pb.Errand_VerifyBackup{}}},
	}
	id := record.WorksOn(op)
	if back, trial := record.TrialOperation(id); id != "12-verify-a-1-verify-b" || !trial || "operations/"+back != op.GetName() {
		t.Errorf("%q is of %q", id, back)
	}
	if _, trial := record.TrialOperation("a-1-verify-b"); trial {
		t.Error("a tenant's id is taken for a trial's")
	}
}
