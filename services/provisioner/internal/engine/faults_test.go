package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/secretbox"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
	"stampworks.dev/services/provisioner/internal/engine"
)

// Faults that the engine alone decides on, in a cell in which nothing runs.

// refuses makes the cell refuse to start anything until the cure.
func refuses(t *testing.T, why error) victim {
	t.Helper()
	var cured atomic.Bool
	w := newWorld(t, memory.Config{Fault: func(_ context.Context, c memory.Call) error {
		if c.Verb == "Ensure" && !cured.Load() {
			return why
		}
		return nil
	}})
	w.place(w.create("acme"), "one")
	w.start(options{})
	return victim{world: w, operation: "acme.1", cure: func() { cured.Store(true) }}
}

func driverSaysFull(t *testing.T) victim {
	t.Helper()
	return refuses(t, fmt.Errorf("write manifest: %w", syscall.EDQUOT))
}

func cellGone(t *testing.T) victim {
	t.Helper()
	return refuses(t, errs.New(errs.Unavailable, "SUPERVISOR_UNAVAILABLE", "the cell does not answer"))
}

func driverBroken(t *testing.T) victim {
	t.Helper()
	return refuses(t, fmt.Errorf("something unheard of"))
}

// cellFull lets another stamp have what was reserved.
func cellFull(t *testing.T) victim {
	t.Helper()
	w := newWorld(t, memory.Config{Allocatable: map[string]int64{"stamps": 1}})
	w.start(options{})
	w.place(w.create("other"), "one")
	w.until("other", 1, typev1.OperationMetadata_SUCCEEDED)
	w.place(w.create("acme"), "one")
	return victim{world: w, operation: "acme.1", cure: func() {
		w.registry.Wish("other", func(t *registryv1.Tenant) { t.DeleteTime, t.Purging = timestamppb.Now(), true })
	}}
}

// keyMissing restarts the provisioner with another key file, and puts the old
// one back.
func keyMissing(t *testing.T) victim {
	t.Helper()
	w := newWorld(t, memory.Config{})
	created(t, w)
	right := w.box
	wrong, err := secretbox.Open(t.TempDir() + "/key")
	if err != nil {
		t.Fatal(err)
	}
	w.box = wrong
	r := w.start(options{})
	w.place(w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint = w.rev2 }), "one")
	return victim{world: w, operation: "acme.2", cure: func() {
		w.stop(r)
		w.box = right
		w.start(options{})
	}}
}

func cancelled(t *testing.T) victim {
	t.Helper()
	inSetup, goOn := make(chan struct{}, 8), make(chan struct{})
	w := newWorld(t, memory.Config{Job: func(_ context.Context, _ driver.Ref, _ driver.Manifest, j driver.Job) (driver.JobResult, error) {
		if strings.HasPrefix(j.ID, "db.setup") {
			inSetup <- struct{}{}
			<-goOn
		}
		return driver.JobResult{}, nil
	}})
	w.start(options{})
	w.place(w.create("acme"), "one")
	<-inSetup
	if _, err := w.records().Operations.Update(t.Context(), "acme.1", func(op *pb.OperationRecord) error { op.CancelRequested = true; return nil }); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	return victim{world: w, operation: "acme.1", ends: typev1.OperationMetadata_CANCELLED}
}

func noRevision(t *testing.T) victim {
	t.Helper()
	w := newWorld(t, memory.Config{})
	w.start(options{})
	w.place(w.registry.Wish("acme", func(t *registryv1.Tenant) {
		t.Blueprint, t.Plan = "blueprints/desk/revisions/9.9.9", "standard"
	}), "one")
	return victim{world: w, operation: "acme.1"}
}

// brokenShop has a customer with an order and a backup of it. After that, jobs
// whose ID begins so fail; a way back does not.
func brokenShop(t *testing.T, job string) *shopWorld {
	t.Helper()
	var broken atomic.Bool
	w := newShop(t)
	w.memory.Job = func(ctx context.Context, ref driver.Ref, m driver.Manifest, j driver.Job) (driver.JobResult, error) {
		if broken.Load() && strings.HasPrefix(j.ID, job) && !strings.Contains(j.ID, "undo") {
			return driver.JobResult{ExitCode: 1, Output: []string{job + " is broken"}}, nil
		}
		return w.job(ctx, ref, m, j)
	}
	w.cell = memory.New(w.memory)
	w.open("acme")
	w.start(options{})
	w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
	w.ended("acme.backup-1", typev1.OperationMetadata_SUCCEEDED)
	broken.Store(true)
	return w
}

func backupFails(t *testing.T) victim {
	t.Helper()
	w := brokenShop(t, "db.backup")
	w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
	return victim{world: w.world, operation: "acme.backup-2"}
}

// backupEmpty takes the data away, so that its job has nothing to write.
func backupEmpty(t *testing.T) victim {
	t.Helper()
	w := brokenShop(t, "nothing")
	w.disk.Replace(w.data("acme"), nil)
	w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
	return victim{world: w.world, operation: "acme.backup-2"}
}

func restoreFails(t *testing.T) victim {
	t.Helper()
	w := brokenShop(t, "db.restore")
	w.write("acme", "2 rockets")
	w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
	return victim{world: w.world, operation: "acme.restore-1", cure: func() { w.has("acme", "2 rockets", "1.0.0") }}
}

func backupDamaged(t *testing.T) victim {
	t.Helper()
	w := brokenShop(t, "nothing")
	w.cell.Damage(driver.BackupRef{Tenant: "acme", UID: "uid-acme", ID: "backup-1"})
	w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
	return victim{world: w.world, operation: "acme.restore-1"}
}

// brokenKiosk has a customer of which one command fails.
func brokenKiosk(t *testing.T, command string) *kioskWorld {
	t.Helper()
	w := newKiosk(t)
	w.disk.Put("/broken/"+command, "yes")
	w.start(options{})
	return w
}

func taskFails(t *testing.T) victim {
	t.Helper()
	w := brokenKiosk(t, "count")
	return victim{world: w.world, operation: w.ask(engine.AskTask(w.stamp("acme"), "count", "app", "operator"))}
}

func rotationFails(t *testing.T) victim {
	t.Helper()
	w := brokenKiosk(t, "migrate")
	return victim{world: w.world, operation: w.ask(engine.AskRotation(w.stamp("acme"), "db_password"))}
}

func repairOfStopped(t *testing.T) victim {
	t.Helper()
	w := brokenKiosk(t, "nothing")
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = true })
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	return victim{world: w.world, operation: w.ask(engine.AskRepair(w.stamp("acme"), "app", ""))}
}
