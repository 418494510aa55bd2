package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/engine"
)

// staysShut waits for the customer to be shown as failed, with what to do, and
// for many looks at it that change nothing.
func (w *shopWorld) staysShut(next string) {
	w.t.Helper()
	testkit.Eventually(w.t, soon, func() error {
		st := w.registry.Tenant("acme").GetStatus()
		if o := st.GetObstacles(); st.GetPhase() != registryv1.TenantStatus_GAVE_UP || len(o) != 1 || o[0].GetCode() != "RESTORE_FAILED" ||
			!strings.Contains(o[0].GetNextAction(), next) || !strings.Contains(st.GetFailure().GetMessage(), "The endpoint stays closed") {
			return fmt.Errorf("status %v", st)
		}
		return nil
	})
	calls := w.cell.Calls()
	testkit.Eventually(w.t, soon, func() error {
		if n := w.cell.Calls()["Observe"] - calls["Observe"]; n < 5 {
			return fmt.Errorf("%d looks", n)
		}
		return nil
	})
	if now := w.cell.Calls(); now["Ensure"] != calls["Ensure"] || now["RunJob"] != calls["RunJob"] {
		w.t.Errorf("worked on: %v, before %v", now, calls)
	}
	if s := w.stamp("acme"); !s.GetClosed() {
		w.t.Error("the endpoint is open")
	}
}

// half has a customer whose data is half of two: a restore failed both ways.
func half(t *testing.T) *shopWorld {
	t.Helper()
	w := restorable(t)
	w.disk.Put("/flags/unrestorable", "all")
	w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
	w.ended("acme.restore-1", typev1.OperationMetadata_FAILED)
	w.staysShut("stamp tenant retry acme")
	return w
}

func TestARetryOpensHalfRestoredData(t *testing.T) {
	t.Parallel()
	w := half(t)
	w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
	if f := w.ended("acme.backup-2", typev1.OperationMetadata_FAILED).GetFailure(); !strings.Contains(f.GetMessage(), "half brought back") {
		t.Errorf("a backup of it: %v", f)
	}
	w.registry.Wish("acme", func(*registryv1.Tenant) {})
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	w.serves("acme", w.rev1)
	w.has("acme", "half-way", "1.0.0")
	if s := w.stamp("acme"); len(s.GetObstacles()) != 0 || s.GetFailure() != nil {
		t.Errorf("obstacles %v, failure %v", s.GetObstacles(), s.GetFailure())
	}
}

func TestAResumeOpensHalfRestoredData(t *testing.T) {
	t.Parallel()
	w := half(t)
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = true })
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = false })
	w.until("acme", 3, typev1.OperationMetadata_SUCCEEDED)
	w.serves("acme", w.rev1)
}

// TestARetryEndsHalfWithoutAnEndpoint: there is nothing to open.
func TestARetryEndsHalfWithoutAnEndpoint(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.rev1 = w.registry.Publish(t, strings.Replace(fmt.Sprintf(shop, "1.5.0", "1.5.0"), "endpoint: app.http\nsmoke:\n  - {http: /readyz, timeout: 200ms}\n", "", 1))
	w.open("acme")
	w.disk.Put("/flags/unrestorable", "all")
	w.start(options{resync: resyncOften})
	w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
	w.ended("acme.backup-1", typev1.OperationMetadata_SUCCEEDED)
	w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
	w.ended("acme.restore-1", typev1.OperationMetadata_FAILED)
	if s := w.stamp("acme"); s.GetHalfRestoredGeneration() != 1 || s.GetWholeBackup() != "before-restore-1" {
		t.Fatalf("the stamp says %v", s)
	}
	w.registry.Wish("acme", func(*registryv1.Tenant) {})
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	if s := w.stamp("acme"); s.GetHalfRestoredGeneration() != 0 || s.GetWholeBackup() != "" || len(s.GetObstacles()) != 0 {
		t.Errorf("the stamp still says %v", s)
	}
}

// TestExpiredOverridesOpenNothing: that is nobody's wish.
func TestExpiredOverridesOpenNothing(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.open("acme")
	w.start(options{resync: resyncOften})
	w.registry.Wish("acme", func(t *registryv1.Tenant) {
		t.Overrides = &registryv1.Overrides{
			Resources: map[string]*typev1.Resources{"app": {Memory: "256Mi"}}, ExpireTime: timestamppb.Now(),
		}
	})
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
	w.ended("acme.backup-1", typev1.OperationMetadata_SUCCEEDED)
	w.disk.Put("/flags/unrestorable", "all")
	w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
	w.ended("acme.restore-1", typev1.OperationMetadata_FAILED)
	over := w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Overrides = nil }).GetGeneration()
	w.until("acme", over, typev1.OperationMetadata_SUCCEEDED)
	if s := w.stamp("acme"); !s.GetClosed() || len(s.GetObstacles()) != 1 {
		t.Errorf("closed %v, obstacles %v", s.GetClosed(), s.GetObstacles())
	}
	w.registry.Wish("acme", func(*registryv1.Tenant) {})
	w.until("acme", over+1, typev1.OperationMetadata_SUCCEEDED)
	w.serves("acme", w.rev1)
}

// TestAnUpgradeThatCannotGoBackStaysShut: neither is the data brought back again
// and again, nor is the older program let loose on what there is.
func TestAnUpgradeThatCannotGoBackStaysShut(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.open("acme")
	w.disk.Put("/flags/broken", "yes")
	w.disk.Put("/flags/unrestorable", "all")
	w.start(options{resync: resyncOften})
	w.upgrade("acme")
	f := w.until("acme", 2, typev1.OperationMetadata_FAILED).GetFailure()
	if f.GetCode() != typev1.Failure_RESTORE_FAILED || !strings.Contains(f.GetMessage(), "The data of before the upgrade was NOT brought back") {
		t.Errorf("failure %v", f)
	}
	w.staysShut("upgrade-2")
	w.disk.Replace("/flags", nil)
	w.registry.Wish("acme", func(*registryv1.Tenant) {})
	w.until("acme", 3, typev1.OperationMetadata_SUCCEEDED)
	w.serves("acme", w.rev2)
	w.has("acme", "1 rocket", "1.1.0")
	if s := w.stamp("acme"); len(s.GetObstacles()) != 0 || s.GetHalfRestoredGeneration() != 0 {
		t.Errorf("stamp still says %v", s)
	}
}

// TestARotationThatCannotBeUndoneSaysSo.
func TestARotationThatCannotBeUndoneSaysSo(t *testing.T) {
	t.Parallel()
	w := newKiosk(t)
	w.start(options{})
	w.disk.Put("/broken/migrate", "for good")
	f := w.ended(w.ask(engine.AskRotation(w.stamp("acme"), "db_password")), typev1.OperationMetadata_FAILED).GetFailure()
	if f.GetCode() != typev1.Failure_ROTATION_FAILED || !strings.Contains(f.GetMessage(), "was NOT put back") || strings.Contains(f.GetNextAction(), "was put back") {
		t.Errorf("failure %v", f)
	}
	w.untilObstacle("acme", "ROTATION_FAILED")
}
