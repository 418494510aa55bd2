package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// TestAStampThatIsNotTouched: it says why, nothing of it is begun, and it comes up
// by itself when that is over.
func TestAStampThatIsNotTouched(t *testing.T) {
	t.Parallel()
	w, _ := served(t, options{})
	w.cell.Bar("uid-acme", "its user 200000 is another stamp's by now")
	o := w.untilObstacle("acme", "NUMBERS_TAKEN")
	if !strings.Contains(o.GetMessage(), "user 200000") || !strings.Contains(o.GetNextAction(), "newest backup") {
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
	if now := w.cell.Calls(); now["Ensure"] != calls["Ensure"] || now["Reserve"] != calls["Reserve"] {
		t.Errorf("touched: %v, before %v", now, calls)
	}
	w.cell.Bar("uid-acme", "")
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	w.untilDrift("")
}

// TestAStampThatIsNotTouchedIsDeleted, without a last backup, which a person has
// to know before it is purged.
func TestAStampThatIsNotTouchedIsDeleted(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.open("acme")
	w.start(options{watches: true})
	w.cell.Bar("uid-acme", "its user 200000 is another stamp's by now")
	w.untilObstacle("acme", "NUMBERS_TAKEN")
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.DeleteTime = timestamppb.Now() })
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	if o := w.untilObstacle("acme", "BACKUP_FAILED"); !strings.Contains(o.GetMessage(), "user 200000") {
		t.Errorf("obstacle %v", o)
	}
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Purging, t.Purge = true, &registryv1.Purge{Force: true} })
	w.until("acme", 3, typev1.OperationMetadata_SUCCEEDED)
	if all := w.cell.Tenants(); len(all) != 0 {
		t.Errorf("left %v", all)
	}
}
