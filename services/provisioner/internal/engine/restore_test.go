package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"stampworks.dev/pkg/errs"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
	"stampworks.dev/services/provisioner/internal/engine"
)

// resyncOften lets many looks pass in a test.
const resyncOften = 50 * time.Millisecond

// restorable is a running customer with backup-1 and an order after it.
func restorable(t *testing.T) *shopWorld {
	t.Helper()
	w := newShop(t)
	w.open("acme")
	w.start(options{resync: resyncOften})
	w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
	w.ended("acme.backup-1", typev1.OperationMetadata_SUCCEEDED)
	w.write("acme", "2 rockets")
	return w
}

// unusableBackups are what can be wrong with what is kept.
func unusableBackups() map[string]func(w *shopWorld) {
	of := driver.BackupRef{Tenant: "acme", UID: "uid-acme", ID: "backup-1"}
	return map[string]func(w *shopWorld){
		"damaged": func(w *shopWorld) { w.cell.Damage(of) },
		"missing": func(w *shopWorld) { _ = w.cell.DropBackup(w.t.Context(), of) },
	}
}

// TestNobodyWaitsForADisk: a restore that cannot begin, for the disk of the backups
// is full, keeps no customer out.
func TestNobodyWaitsForADisk(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"KeepBackup", "FetchBackup"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			w := newShop(t)
			var full atomic.Bool
			w.memory.Fault = func(_ context.Context, c memory.Call) error {
				if c.Verb == verb && full.Load() {
					return fmt.Errorf("copy: %w", syscall.ENOSPC)
				}
				return nil
			}
			w.cell = memory.New(w.memory)
			w.open("acme")
			w.start(options{resync: resyncOften})
			w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
			w.ended("acme.backup-1", typev1.OperationMetadata_SUCCEEDED)
			w.write("acme", "2 rockets")
			full.Store(true)
			w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
			f := w.ended("acme.restore-1", typev1.OperationMetadata_FAILED).GetFailure()
			if f.GetCode() != typev1.Failure_DISK_FULL || f.GetRetryable() || !strings.Contains(f.GetNextAction(), "restore again") {
				t.Errorf("failure %v", f)
			}
			w.serves("acme", w.rev1)
			w.has("acme", "2 rockets", "1.0.0")
			if s := w.stamp("acme"); s.GetWholeBackup() != "" || s.GetHalfRestoredGeneration() != 0 {
				t.Errorf("stamp %v", s)
			}
		})
	}
}

// TestCancelBeforeTheDataIsTouched: customers who are kept out for it are let in
// again.
func TestCancelBeforeTheDataIsTouched(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	var away atomic.Bool
	w.memory.Fault = func(_ context.Context, c memory.Call) error {
		if c.Verb == "KeepBackup" && away.Load() {
			return errs.New(errs.Unavailable, "SUPERVISOR_UNAVAILABLE", "away")
		}
		return nil
	}
	w.cell = memory.New(w.memory)
	w.open("acme")
	w.start(options{resync: resyncOften, tune: func(c *engine.Config) { c.Backoff = func(int32) time.Duration { return time.Hour } }})
	w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
	w.ended("acme.backup-1", typev1.OperationMetadata_SUCCEEDED)
	w.write("acme", "2 rockets")
	away.Store(true)
	w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
	w.ended("acme.restore-1", typev1.OperationMetadata_RETRYING)
	w.cancel("acme.restore-1")
	w.ended("acme.restore-1", typev1.OperationMetadata_CANCELLED)
	w.serves("acme", w.rev1)
	w.has("acme", "2 rockets", "1.0.0")
}

// mustHaveOnlyChecked checks that the check failed, and that nothing else was
// begun.
func mustHaveOnlyChecked(t *testing.T, m *typev1.OperationMetadata) {
	t.Helper()
	if f := m.GetFailure(); f.GetCode() != typev1.Failure_BACKUP_INVALID || f.GetRetryable() {
		t.Errorf("failure %v", f)
	}
	for _, s := range m.GetSteps() {
		if s.GetId() == "place" {
			continue
		}
		if begun := s.GetStartTime() != nil; begun != (s.GetId() == "restore.check") {
			t.Errorf("step %v", s)
		}
	}
}

// TestUnusableBackupTouchesNothing: customers are served on, and no backup is
// made that could push out another.
func TestUnusableBackupTouchesNothing(t *testing.T) {
	t.Parallel()
	for name, spoil := range unusableBackups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := restorable(t)
			spoil(w)
			w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
			mustHaveOnlyChecked(t, w.ended("acme.restore-1", typev1.OperationMetadata_FAILED))
			w.has("acme", "2 rockets", "1.0.0")
			w.serves("acme", w.rev1)
			if _, made := w.cell.Backups()["acme.uid-acme/before-restore-1"]; made {
				t.Errorf("backups %v", w.cell.Backups())
			}
		})
	}
}

func TestNewTenantFromUnusableBackupMakesNothing(t *testing.T) {
	t.Parallel()
	for name, spoil := range unusableBackups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := restorable(t)
			spoil(w)
			w.place(w.registry.Wish("copy", func(t *registryv1.Tenant) {
				t.Blueprint, t.Plan, t.RestoreFrom = w.rev1, "standard", "tenants/acme/backups/backup-1"
			}), "one")
			mustHaveOnlyChecked(t, w.until("copy", 1, typev1.OperationMetadata_FAILED))
			if got := w.stamp("copy").GetLedger(); len(got) != 0 {
				t.Errorf("ledger %v", got)
			}
		})
	}
}

// TestFailedRestorePushesOutNoBackup: an older backup before a restore may have
// the only copy of what was lost.
func TestFailedRestorePushesOutNoBackup(t *testing.T) {
	t.Parallel()
	w := restorable(t)
	again := func(id string, ends typev1.OperationMetadata_State) {
		w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
		w.ended(id, ends)
	}
	again("acme.restore-1", typev1.OperationMetadata_SUCCEEDED)
	again("acme.restore-2", typev1.OperationMetadata_SUCCEEDED)
	again("acme.restore-3", typev1.OperationMetadata_SUCCEEDED)
	w.disk.Put("/flags/unrestorable", "all")
	again("acme.restore-4", typev1.OperationMetadata_FAILED)
	if _, kept := w.cell.Backups()["acme.uid-acme/before-restore-1"]; !kept {
		t.Errorf("backups %v", w.cell.Backups())
	}
	w.disk.Replace("/flags", nil)
	again("acme.restore-5", typev1.OperationMetadata_SUCCEEDED)
	if got := w.cell.Backups(); len(got) != 4 { // three of them, and backup-1
		t.Errorf("backups %v", got)
	}
}

// TestRestoreThatCannotBeUndoneSaysSo: what was there before was not brought
// back, and the stamp shows where it is until a restore has succeeded.
func TestRestoreThatCannotBeUndoneSaysSo(t *testing.T) {
	t.Parallel()
	w := restorable(t)
	w.disk.Put("/flags/unrestorable", "all")
	w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
	f := w.ended("acme.restore-1", typev1.OperationMetadata_FAILED).GetFailure()
	where := "--restore-from acme/before-restore-1"
	if f.GetCode() != typev1.Failure_RESTORE_FAILED || f.GetRetryable() || !strings.Contains(f.GetMessage(), "NOT brought back") ||
		!strings.Contains(f.GetMessage(), "before-restore-1") || !strings.Contains(f.GetNextAction(), where) {
		t.Errorf("failure %v", f)
	}
	w.staysShut(where)
	w.disk.Replace("/flags", nil)
	w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
	w.ended("acme.restore-2", typev1.OperationMetadata_SUCCEEDED)
	w.serves("acme", w.rev1)
	if s := w.stamp("acme"); len(s.GetObstacles()) != 0 || s.GetFailure() != nil {
		t.Errorf("obstacles %v, failure %v", s.GetObstacles(), s.GetFailure())
	}
}

// TestKilledAtEveryPointOfAWayBackFromARestore: the data of before is there in
// the end, also when the next replica begins in the middle of bringing it back.
func TestKilledAtEveryPointOfAWayBackFromARestore(t *testing.T) {
	t.Parallel()
	crashesOf(t, func(t *testing.T) crashCase {
		w := newShop(t)
		w.open("acme")
		r := w.start(options{})
		w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
		w.ended("acme.backup-1", typev1.OperationMetadata_SUCCEEDED)
		w.stop(r)
		w.write("acme", "2 rockets")
		w.disk.Put("/flags/unrestorable", "1 rocket")
		return crashCase{
			world: w.world, act: func() { w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore) },
			errand: "acme.restore-1", ends: typev1.OperationMetadata_FAILED,
			check: func() {
				w.has("acme", "2 rockets", "1.0.0")
				w.serves("acme", w.rev1)
				if o := w.stamp("acme").GetObstacles(); len(o) != 0 {
					t.Errorf("obstacles %v", o)
				}
			},
		}
	})
}
