package engine_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"stampworks.dev/pkg/errs"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
)

// stumbles has the first restore jobs of a kind fail half-way, so many of them.
func stumbles(w *shopWorld, times int32, undo bool) {
	var n atomic.Int32
	w.memory.Job = func(ctx context.Context, ref driver.Ref, m driver.Manifest, j driver.Job) (driver.JobResult, error) {
		data := m.Site.Volumes["db.data"]
		back := slices.Equal(j.Command, []string{"shop", "copy", m.Site.Backup, data}) && strings.Contains(j.ID, "-undo") == undo
		if back && n.Add(1) <= times {
			w.disk.Put(data+"/orders", "half-way")
			return driver.JobResult{ExitCode: 1, Output: []string{"the server closed the connection"}}, nil
		}
		return w.job(ctx, ref, m, j)
	}
	w.cell = memory.New(w.memory)
}

// TestAPassingFailureOfAWayBackKeepsNobodyOut: nor is it shown once it is over.
func TestAPassingFailureOfAWayBackKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	stumbles(w, 2, true)
	w.open("acme")
	w.start(options{resync: resyncOften})
	w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
	w.ended("acme.backup-1", typev1.OperationMetadata_SUCCEEDED)
	w.write("acme", "2 rockets")
	w.disk.Put("/flags/unrestorable", "1 rocket")
	w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
	f := w.ended("acme.restore-1", typev1.OperationMetadata_FAILED).GetFailure()
	if f.GetCode() != typev1.Failure_RESTORE_FAILED || strings.Contains(f.GetMessage(), "NOT brought back") {
		t.Errorf("failure %v", f)
	}
	w.serves("acme", w.rev1)
	w.has("acme", "2 rockets", "1.0.0")
	if s := w.stamp("acme"); len(s.GetObstacles()) != 0 || s.GetHalfRestoredGeneration() != 0 {
		t.Errorf("stamp %v", s)
	}
}

// TestAPassingFailureOfAnUpgradesWayBack.
func TestAPassingFailureOfAnUpgradesWayBack(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	stumbles(w, 2, false)
	w.open("acme")
	w.disk.Put("/flags/broken", "yes")
	w.start(options{resync: resyncOften})
	w.upgrade("acme")
	if f := w.until("acme", 2, typev1.OperationMetadata_FAILED).GetFailure(); f.GetCode() != typev1.Failure_MIGRATION_FAILED {
		t.Errorf("failure %v", f)
	}
	w.serves("acme", w.rev1)
	w.has("acme", "1 rocket", "1.0.0")
}

// TestNobodyWaitsForACell: a restore that cannot begin, for the cell does not do
// what it is asked, keeps no customer out for long.
func TestNobodyWaitsForACell(t *testing.T) {
	t.Parallel()
	for name, why := range map[string]error{
		"unreachable": errs.New(errs.Unavailable, "SUPERVISOR_UNAVAILABLE", "away"),
		"broken":      errs.New(errs.Internal, "SUPERVISOR_FAILED", "cannot"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newShop(t)
			var away atomic.Bool
			w.memory.Fault = func(_ context.Context, c memory.Call) error {
				if c.Verb == "ClearBackup" && away.Load() {
					return why
				}
				return nil
			}
			w.cell = memory.New(w.memory)
			w.open("acme")
			w.start(options{resync: resyncOften})
			w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
			w.ended("acme.backup-1", typev1.OperationMetadata_SUCCEEDED)
			w.write("acme", "2 rockets")
			away.Store(true)
			w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
			f := w.ended("acme.restore-1", typev1.OperationMetadata_FAILED).GetFailure()
			if f.GetRetryable() || !strings.Contains(f.GetNextAction(), "then restore again") {
				t.Errorf("failure %v", f)
			}
			w.serves("acme", w.rev1)
			w.has("acme", "2 rockets", "1.0.0")
		})
	}
}
