package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
)

// newServed is a shop whose backup job asks the running db, as that of a database
// server does, and whose next revision changes the db too.
func newServed(t *testing.T) *shopWorld {
	t.Helper()
	w := &shopWorld{disk: &memory.Disk{}}
	w.world = newWorld(t, memory.Config{Disk: w.disk, Job: w.askDB})
	w.rev1 = w.registry.Publish(t, fmt.Sprintf(shop, "1.0.0", "1.0.0"))
	w.rev2 = w.registry.Publish(t, strings.ReplaceAll(fmt.Sprintf(shop, "1.1.0", "1.1.0"), "run: shop db", "run: shop db --newer"))
	w.open("acme")
	return w
}

// askDB fails a backup unless the db runs in the form that the backup is of.
func (w *shopWorld) askDB(ctx context.Context, ref driver.Ref, m driver.Manifest, j driver.Job) (driver.JobResult, error) {
	if strings.HasPrefix(j.ID, "db.backup") {
		obs, err := w.cell.Observe(ctx, ref)
		if err != nil {
			return driver.JobResult{}, err
		}
		if want, err := m.Digest("db"); err != nil || !obs.Components["db"].Running || obs.Components["db"].Digest != want {
			return driver.JobResult{ExitCode: 1, Output: []string{"connection refused"}}, nil
		}
	}
	return w.job(ctx, ref, m, j)
}

// stoppings are the ways to a stopped stamp, and back.
var stoppings = map[string]struct {
	stop, back func(*registryv1.Tenant)
	backups    int
}{
	"resume":   {suspend, resume, 1},
	"undelete": {remove, undelete, 2},
}

// TestAStoppedStampIsBackedUpBeforeItsUpgrade: the db is started for it, in its
// old form, and upgraded after.
func TestAStoppedStampIsBackedUpBeforeItsUpgrade(t *testing.T) {
	t.Parallel()
	for name, c := range stoppings {
		t.Run(name, func(t *testing.T) {
			w := newServed(t)
			last := w.wished(c.stop)
			w.start(options{})
			w.place(w.registry.Wish("acme", func(t *registryv1.Tenant) { c.back(t); t.Blueprint = w.rev2 }), "one")
			w.until("acme", last+1, typev1.OperationMetadata_SUCCEEDED)
			w.isUpgraded(c.backups)
		})
	}
}

// isUpgraded checks that the next revision serves the data of before.
func (w *shopWorld) isUpgraded(backups int) {
	w.t.Helper()
	w.serves("acme", w.rev2)
	w.has("acme", "1 rocket", "1.1.0")
	if got := w.cell.Backups(); len(got) != backups {
		w.t.Errorf("backups %v, want %d", got, backups)
	}
	for _, e := range w.stamp("acme").GetLedger() {
		if e.GetName() == "db" && !strings.Contains(e.GetRendered(), "--newer") {
			w.t.Errorf("the db is that of before: %s", e.GetRendered())
		}
	}
}

func TestKilledAtEveryPointOfAResumeWithUpgrade(t *testing.T) {
	t.Parallel()
	crashesOf(t, func(t *testing.T) crashCase {
		w := newServed(t)
		last := w.wished(suspend)
		return crashCase{
			world: w.world, generation: last + 1, ends: typev1.OperationMetadata_SUCCEEDED,
			act: func() {
				w.place(w.registry.Wish("acme", func(t *registryv1.Tenant) { resume(t); t.Blueprint = w.rev2 }), "one")
			},
			check: func() { w.isUpgraded(1) },
		}
	})
}
