package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
)

// busyWorld is a shop in which one job hangs. No two of its jobs may ever run at
// once: all of them work on the same data.
type busyWorld struct {
	*shopWorld
	at   chan string   // the job that hangs
	goOn chan struct{} // lets it come to its end

	mu      sync.Mutex
	hang    string // the beginning of its ID; empty for none
	running map[string]bool
	ran     map[string]int
}

func newBusy(t *testing.T) *busyWorld {
	t.Helper()
	w := &busyWorld{
		shopWorld: &shopWorld{disk: &memory.Disk{}}, at: make(chan string, 1), goOn: make(chan struct{}),
		running: map[string]bool{}, ran: map[string]int{},
	}
	w.world = newWorld(t, memory.Config{Disk: w.disk, Job: w.job})
	w.rev1 = w.registry.Publish(t, fmt.Sprintf(shop, "1.0.0", "1.0.0"))
	w.rev2 = w.registry.Publish(t, fmt.Sprintf(shop, "1.1.0", "1.1.0"))
	w.open("acme")
	return w
}

// hangAt lets the next job with that beginning hang.
func (w *busyWorld) hangAt(job string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hang = job
}

func (w *busyWorld) job(ctx context.Context, ref driver.Ref, m driver.Manifest, j driver.Job) (driver.JobResult, error) {
	if j.Unrecorded {
		return w.shopWorld.job(ctx, ref, m, j)
	}
	hangs := w.begins(j.ID)
	defer w.ends(j.ID)
	if hangs {
		w.at <- j.ID
		select {
		case <-w.goOn:
		case <-ctx.Done():
			return driver.JobResult{}, ctx.Err()
		}
	}
	return w.shopWorld.job(ctx, ref, m, j)
}

func (w *busyWorld) begins(id string) (hangs bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for other := range w.running {
		w.t.Errorf("%s runs beside %s", id, other)
	}
	w.running[id] = true
	w.ran[id]++
	if hangs = w.hang != "" && strings.HasPrefix(id, w.hang); hangs {
		w.hang = ""
	}
	return hangs
}

func (w *busyWorld) ends(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.running, id)
}

// idle checks that no job is under way any more.
func (w *busyWorld) idle() {
	w.t.Helper()
	testkit.Eventually(w.t, soon, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.running) > 0 {
			return fmt.Errorf("still running: %v", w.running)
		}
		return nil
	})
}

// times says how often a job ran.
func (w *busyWorld) times(id string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ran[id]
}

// upgrading is a shop whose upgrade hangs in its migration.
func upgrading(t *testing.T) (*busyWorld, *replica) {
	t.Helper()
	w := newBusy(t)
	r := w.start(options{})
	w.hangAt("app.migrate-1.1.0")
	w.upgrade("acme")
	<-w.at
	return w, r
}

// servesAsBefore checks that the upgrade left nothing.
func (w *busyWorld) servesAsBefore() {
	w.t.Helper()
	w.idle()
	w.serves("acme", w.rev1)
	w.has("acme", "1 rocket", "1.0.0")
}

// TestCancelDuringAMigrationOfWhoIsGone: the replica is killed while the migration
// runs, and the cell carries on with it. It has ended before anything is brought
// back.
func TestCancelDuringAMigrationOfWhoIsGone(t *testing.T) {
	t.Parallel()
	w, first := upgrading(t)
	w.stop(first)
	w.cancel("acme.2")
	w.start(options{})
	w.until("acme", 2, typev1.OperationMetadata_CANCELLED)
	w.servesAsBefore()
}

// TestCancelDuringAMigration: it is let come to its end, and then undone.
func TestCancelDuringAMigration(t *testing.T) {
	t.Parallel()
	w, _ := upgrading(t)
	w.cancel("acme.2")
	close(w.goOn)
	w.until("acme", 2, typev1.OperationMetadata_CANCELLED)
	w.servesAsBefore()
	if n := w.times("app.migrate-1.1.0-2.1"); n != 1 {
		t.Errorf("the migration ran %d times", n)
	}
}

// TestCancelOfWhoIsGoneEndsItsJob: also where there is no way back.
func TestCancelOfWhoIsGoneEndsItsJob(t *testing.T) {
	t.Parallel()
	w := newBusy(t)
	first := w.start(options{})
	w.hangAt("db.backup")
	w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
	<-w.at
	w.stop(first)
	w.cancel("acme.backup-1")
	w.start(options{})
	w.ended("acme.backup-1", typev1.OperationMetadata_CANCELLED)
	w.servesAsBefore()
}

// TestGoesOnWithAMigrationOfWhoIsGone: nobody wished for anything else, so the
// next replica waits for it.
func TestGoesOnWithAMigrationOfWhoIsGone(t *testing.T) {
	t.Parallel()
	w, first := upgrading(t)
	w.stop(first)
	before := w.cell.Calls()["RunJob"]
	w.start(options{})
	testkit.Eventually(t, soon, func() error {
		if w.cell.Calls()["RunJob"] == before {
			return errors.New("the next replica has not asked for it")
		}
		return nil
	})
	close(w.goOn)
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	w.has("acme", "1 rocket", "1.1.0")
	if n := w.times("app.migrate-1.1.0-2.1"); n != 1 {
		t.Errorf("the migration ran %d times", n)
	}
}

// TestWishesDuringAMigration: whatever is wished for while a migration runs, with
// or without who asked for it, no other job runs beside it.
func TestWishesDuringAMigration(t *testing.T) {
	t.Parallel()
	wishes := map[string]struct {
		wish       func(w *busyWorld)
		generation int64
		check      func(w *busyWorld)
	}{
		"suspend": {func(w *busyWorld) { w.registry.Wish("acme", suspend) }, 3, (*busyWorld).stopped},
		"delete":  {func(w *busyWorld) { w.registry.Wish("acme", remove) }, 3, (*busyWorld).stopped},
		"purge":   {func(w *busyWorld) { w.registry.Wish("acme", purge) }, 3, (*busyWorld).gone},
		"back": {func(w *busyWorld) {
			w.place(w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint = w.rev1 }), "one")
		}, 3, (*busyWorld).servesAsBefore},
		"again": {func(w *busyWorld) {
			w.place(w.registry.Wish("acme", func(*registryv1.Tenant) {}), "one")
		}, 3, (*busyWorld).upgraded},
		"hold": {func(w *busyWorld) {
			w.registry.Quietly("acme", func(t *registryv1.Tenant) {
				t.Hold = &registryv1.Hold{Owner: "dana", Reason: "audit", ExpireTime: timestamppb.New(time.Now().Add(time.Hour))}
			})
		}, 2, (*busyWorld).upgraded},
	}
	for name, c := range wishes {
		for _, killed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, killed %v", name, killed), func(t *testing.T) {
				w, first := upgrading(t)
				if killed {
					w.stop(first)
				}
				c.wish(w)
				if killed {
					w.start(options{})
				}
				if !killed || name == "hold" {
					close(w.goOn) // at the latest; what is wished for may be known by then, or not
				}
				w.until("acme", c.generation, typev1.OperationMetadata_SUCCEEDED)
				w.idle()
				c.check(w)
			})
		}
	}
}

func (w *busyWorld) stopped() {
	w.t.Helper()
	if got := running(w.world, "uid-acme"); len(got) != 0 {
		w.t.Errorf("running %v", got)
	}
}

func (w *busyWorld) gone() {
	w.t.Helper()
	if got := w.cell.Tenants(); len(got) != 0 || len(w.disk.Files(w.data("acme"))) != 0 {
		w.t.Errorf("stamps %v, data %v", got, w.disk.Files(w.data("acme")))
	}
}

func (w *busyWorld) upgraded() {
	w.t.Helper()
	w.serves("acme", w.rev2)
	w.has("acme", "1 rocket", "1.1.0")
}

// TestWorkDuringABackupOfWhoIsGone: two jobs never write into one backup
// directory, and none reads there while another writes.
func TestWorkDuringABackupOfWhoIsGone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile func(w *busyWorld)
		ended     func(w *busyWorld)
	}{
		"a restore": {
			func(w *busyWorld) {
				w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
				close(w.goOn) // the backup came first, and is waited for
			},
			func(w *busyWorld) {
				w.ended("acme.backup-2", typev1.OperationMetadata_SUCCEEDED)
				w.ended("acme.restore-1", typev1.OperationMetadata_SUCCEEDED)
			},
		},
		"a restore instead": {
			func(w *busyWorld) {
				w.cancel("acme.backup-2")
				w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
			},
			func(w *busyWorld) {
				w.ended("acme.backup-2", typev1.OperationMetadata_CANCELLED)
				w.ended("acme.restore-1", typev1.OperationMetadata_SUCCEEDED)
			},
		},
		"an upgrade that goes back": {
			func(w *busyWorld) {
				w.disk.Put("/flags/broken", "yes")
				w.upgrade("acme")
			},
			func(w *busyWorld) {
				w.until("acme", 2, typev1.OperationMetadata_FAILED)
				w.ended("acme.backup-2", typev1.OperationMetadata_SUCCEEDED)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newBusy(t)
			first := w.start(options{})
			w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
			w.ended("acme.backup-1", typev1.OperationMetadata_SUCCEEDED)
			w.hangAt("db.backup")
			w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
			<-w.at
			w.stop(first)
			c.meanwhile(w)
			w.start(options{})
			c.ended(w)
			w.servesAsBefore()
			for id, kept := range w.cell.Backups() {
				if kept.Files != 2 {
					t.Errorf("backup %s has %d files", id, kept.Files)
				}
			}
		})
	}
}

// impatient is a cell that does not wait for the migration, though it goes on.
type impatient struct{ *memory.Driver }

func (c impatient) RunJob(ctx context.Context, ref driver.Ref, m driver.Manifest, j driver.Job) (driver.JobResult, error) {
	if strings.HasPrefix(j.ID, "app.migrate-1.1.0-2.1") {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		ctx = short
	}
	return c.Driver.RunJob(ctx, ref, m, j)
}

// TestJobThatOutlivesItsCall: who asked waits no longer, and the way back does not
// begin beside it.
func TestJobThatOutlivesItsCall(t *testing.T) {
	t.Parallel()
	w := newBusy(t)
	w.start(options{cell: map[string]driver.Driver{"one": impatient{w.cell}}})
	w.hangAt("app.migrate-1.1.0")
	w.upgrade("acme")
	w.until("acme", 2, typev1.OperationMetadata_FAILED)
	w.servesAsBefore()
}
