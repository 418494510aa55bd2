package engine_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// wished is one wish for a customer of the shop, made once.
func (w *shopWorld) wished(change func(*registryv1.Tenant)) int64 {
	w.t.Helper()
	r := w.start(options{})
	defer w.stop(r)
	g := w.registry.Wish("acme", change).GetGeneration()
	w.until("acme", g, typev1.OperationMetadata_SUCCEEDED)
	return g
}

func suspend(t *registryv1.Tenant) { t.Suspended = true }

func resume(t *registryv1.Tenant) { t.Suspended = false }

func remove(t *registryv1.Tenant) { t.DeleteTime = timestamppb.Now() }

func undelete(t *registryv1.Tenant) { t.DeleteTime = nil }

func purge(t *registryv1.Tenant) { t.DeleteTime, t.Purging = timestamppb.Now(), true }

// TestKilledAtEveryPointOfALife: all that happens to a customer between its
// making and its end, the data in its place or in a backup throughout.
func TestKilledAtEveryPointOfALife(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		before  []func(*registryv1.Tenant)
		wish    func(*registryv1.Tenant)
		running int
		backups int
	}{
		{"suspend", nil, suspend, 0, 0},
		{"resume", []func(*registryv1.Tenant){suspend}, resume, 2, 0},
		{"deletion with a last backup", nil, remove, 0, 1},
		{"deletion while suspended", []func(*registryv1.Tenant){suspend}, remove, 0, 1},
		{"undelete", []func(*registryv1.Tenant){remove}, undelete, 2, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			crashesOf(t, func(t *testing.T) crashCase {
				w := newShop(t)
				w.open("acme")
				last := int64(1)
				for _, change := range c.before {
					last = w.wished(change)
				}
				return crashCase{
					world: w.world, act: func() { w.registry.Wish("acme", c.wish) }, generation: last + 1, ends: typev1.OperationMetadata_SUCCEEDED,
					check: func() {
						w.has("acme", "1 rocket", "1.0.0")
						if got := running(w.world, "uid-acme"); len(got) != c.running {
							t.Errorf("running %v, want %d", got, c.running)
						}
						if got := w.cell.Backups(); len(got) != c.backups {
							t.Errorf("backups %v, want %d", got, c.backups)
						}
					},
				}
			})
		})
	}
}

// TestKilledAtEveryPointOfAPurgeWithBackups: neither they nor the data are left.
func TestKilledAtEveryPointOfAPurgeWithBackups(t *testing.T) {
	t.Parallel()
	for name, before := range map[string][]func(*registryv1.Tenant){
		"after a deletion":         {remove},
		"overtaking the deletion":  nil,
		"of one that is suspended": {suspend},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crashesOf(t, func(t *testing.T) crashCase { return purgeWithBackups(t, before) })
		})
	}
}

func purgeWithBackups(t *testing.T, before []func(*registryv1.Tenant)) crashCase {
	w := newShop(t)
	w.open("acme")
	last := int64(1)
	for _, change := range before {
		last = w.wished(change)
	}
	return crashCase{
		world: w.world, act: func() { w.registry.Wish("acme", purge) }, generation: last + 1, ends: typev1.OperationMetadata_SUCCEEDED,
		check: func() {
			if len(w.cell.Tenants()) != 0 || len(w.disk.Files(w.data("acme"))) != 0 || len(w.cell.Backups()) != 0 || !w.registry.Purged("acme") {
				t.Errorf("left: %v, %v, %v", w.cell.Tenants(), w.disk.Files(w.data("acme")), w.cell.Backups())
			}
			if !slices.ContainsFunc(w.registry.Receipt("acme").GetDestroyed(), func(what string) bool { return strings.HasPrefix(what, "backup final-") }) {
				t.Errorf("there was no last backup: %v", w.registry.Receipt("acme"))
			}
		},
	}
}

// TestKilledAtEveryPointOfARestore: the data of the backup is back, and what was
// there before is kept.
func TestKilledAtEveryPointOfARestore(t *testing.T) {
	t.Parallel()
	crashesOf(t, func(t *testing.T) crashCase {
		w := newShop(t)
		w.open("acme")
		r := w.start(options{})
		w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
		w.ended("acme.backup-1", typev1.OperationMetadata_SUCCEEDED)
		w.stop(r)
		w.write("acme", "2 rockets")
		return crashCase{
			world: w.world, act: func() { w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore) },
			errand: "acme.restore-1", ends: typev1.OperationMetadata_SUCCEEDED,
			check: func() {
				w.has("acme", "1 rocket", "1.0.0")
				w.serves("acme", w.rev1)
				if _, kept := w.cell.Backups()["acme.uid-acme/before-restore-1"]; !kept {
					t.Errorf("no backup of what there was: %v", w.cell.Backups())
				}
			},
		}
	})
}

// TestKilledAtEveryPointOfABackup: there is one, and it is whole.
func TestKilledAtEveryPointOfABackup(t *testing.T) {
	t.Parallel()
	crashesOf(t, func(t *testing.T) crashCase {
		w := newShop(t)
		w.open("acme")
		return crashCase{
			world: w.world, act: func() { w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup) },
			errand: "acme.backup-1", ends: typev1.OperationMetadata_SUCCEEDED,
			check: func() {
				if got := w.cell.Backups()["acme.uid-acme/backup-1"]; got.Files != 2 || len(w.cell.Backups()) != 1 {
					t.Errorf("backups %v", w.cell.Backups())
				}
				w.serves("acme", w.rev1)
			},
		}
	})
}
