package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
	"stampworks.dev/services/provisioner/internal/record"
)

// shop keeps its customers' orders in a file of the db's volume; migrating
// writes the revision beside them.
const shop = `
blueprint: shop
revision: %s
artifacts:
  shop: {file: /opt/shop, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
secrets: {password: {length: 16}}
plans:
  standard: {resources: {default: {cpu: 100m, memory: 128Mi}, db: {cpu: 100m, memory: 128Mi, volumes: {data: 1Gi}}}}
components:
  db:
    artifact: shop
    volumes: [data]
    ports: {sql: 5432}
    env: {PASSWORD: "${secrets.password}"}
    run: shop db ${volumes.data}
    backup: shop copy ${volumes.data} ${backup}
    restore: shop copy ${backup} ${volumes.data}
  app:
    artifact: shop
    ports: {http: 8080}
    env: {DB: "${db.sql.addr}", REVISION: "%s"}
    migrate: shop migrate
    run: shop app --listen ${app.http.bind}:${app.http.port}
    ready: {http: http, timeout: 2s}
endpoint: app.http
smoke:
  - {http: /readyz, timeout: 200ms}
`

// shopWorld has two revisions of shop, a third that is broken as told, and a
// customer with an order on the first.
type shopWorld struct {
	*world
	disk *memory.Disk
}

func newShop(t *testing.T) *shopWorld {
	t.Helper()
	w := &shopWorld{disk: &memory.Disk{}}
	w.world = newWorld(t, memory.Config{Disk: w.disk, Job: w.job})
	w.rev1 = w.registry.Publish(t, fmt.Sprintf(shop, "1.0.0", "1.0.0"))
	w.rev2 = w.registry.Publish(t, fmt.Sprintf(shop, "1.1.0", "1.1.0"))
	return w
}

// job migrates by changing the data, and fails half-way where it is told to.
func (w *shopWorld) job(ctx context.Context, ref driver.Ref, m driver.Manifest, j driver.Job) (driver.JobResult, error) {
	if j.Component == "app" && slices.Contains(j.Command, "migrate") {
		data := m.Site.Volumes["db.data"]
		w.disk.Put(data+"/schema", j.Env["REVISION"])
		if _, broken := w.disk.Get("/flags/broken"); broken && j.Env["REVISION"] == "1.1.0" {
			w.disk.Put(data+"/orders", "half-way")
			return driver.JobResult{ExitCode: 3, Output: []string{"relation exists already"}}, nil
		}
	}
	if p := j.Env["PASSWORD"]; j.Component == "db" && (p == "" || strings.HasPrefix(p, "secret:")) {
		return driver.JobResult{ExitCode: 1, Output: []string{"password authentication failed"}}, nil
	}
	if bad, set := w.disk.Get("/flags/unrestorable"); set && slices.Equal(j.Command, []string{"shop", "copy", m.Site.Backup, m.Site.Volumes["db.data"]}) {
		if orders, _ := w.disk.Get(m.Site.Backup + "/orders"); bad == orders || bad == "all" {
			w.disk.Put(m.Site.Volumes["db.data"]+"/orders", "half-way")
			return driver.JobResult{ExitCode: 1, Output: []string{"violates foreign key"}}, nil
		}
	}
	return w.disk.Job(ctx, ref, m, j)
}

// open makes the customer, with an order.
func (w *shopWorld) open(id string) {
	w.t.Helper()
	w.place(w.create(id), "one")
	r := w.start(options{})
	w.until(id, 1, typev1.OperationMetadata_SUCCEEDED)
	w.stop(r)
	w.write(id, "1 rocket")
}

func (w *shopWorld) data(id string) string { return "/memory/" + id + "/components/db/volumes/data" }

func (w *shopWorld) write(id, orders string) { w.disk.Put(w.data(id)+"/orders", orders) }

// has checks a customer's orders and the revision of their schema.
func (w *shopWorld) has(id, orders, schema string) {
	w.t.Helper()
	o, _ := w.disk.Get(w.data(id) + "/orders")
	s, _ := w.disk.Get(w.data(id) + "/schema")
	if o != orders || s != schema {
		w.t.Errorf("%s has orders %q of schema %q, want %q of %q", id, o, s, orders, schema)
	}
}

func (w *shopWorld) upgrade(id string) {
	w.place(w.registry.Wish(id, func(t *registryv1.Tenant) { t.Blueprint = w.rev2 }), "one")
}

// serves checks that the stamp is open to customers on a revision, all of it up.
func (w *shopWorld) serves(id, revision string) {
	w.t.Helper()
	s := w.stamp(id)
	if s.GetClosed() || s.GetRevision() != revision || len(running(w.world, "uid-"+id)) != 2 {
		w.t.Errorf("stamp closed %v on %s, running %v", s.GetClosed(), s.GetRevision(), running(w.world, "uid-"+id))
	}
	for _, e := range s.GetLedger() {
		if e.GetName() == "app" && !strings.Contains(e.GetRendered(), "--listen\",\"127.0.0.1:2") {
			w.t.Errorf("the endpoint listens elsewhere: %s", e.GetRendered())
		}
	}
}

func TestUpgradeBacksUpFirst(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.open("acme")
	w.start(options{})
	w.upgrade("acme")
	m := w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	if m.GetKind() != typev1.OperationMetadata_UPGRADE {
		t.Errorf("kind %s", m.GetKind())
	}
	w.serves("acme", w.rev2)
	w.has("acme", "1 rocket", "1.1.0")
	b, err := w.records().Backups.Get(t.Context(), "acme/upgrade-2")
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Value; got.GetReason() != pb.Backup_BEFORE_UPGRADE || got.GetRevision() != w.rev1 || got.GetFiles() != 2 || got.GetDigest() == "" || got.GetCreateTime() == nil {
		t.Errorf("backup %v", got)
	}
}

func TestBrokenUpgradeGoesBackWithTheData(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.open("acme")
	w.disk.Put("/flags/broken", "yes")
	w.start(options{})
	w.upgrade("acme")
	m := w.until("acme", 2, typev1.OperationMetadata_FAILED)
	if f := m.GetFailure(); f.GetCode() != typev1.Failure_MIGRATION_FAILED || f.GetRetryable() || !slices.Contains(f.GetEvidence(), "relation exists already") {
		t.Errorf("failure %v", f)
	}
	w.serves("acme", w.rev1)
	w.has("acme", "1 rocket", "1.0.0")
	testkit.Eventually(t, soon, func() error {
		st := w.registry.Tenant("acme").GetStatus()
		if st.GetPhase() != registryv1.TenantStatus_ROLLED_BACK || st.GetRevision() != w.rev1 || len(st.GetObstacles()) != 1 || st.GetObstacles()[0].GetCode() != "UPGRADE_FAILED" {
			return fmt.Errorf("status %v", st)
		}
		return nil
	})

	// It is kept there, and tried again when somebody says so.
	w.cell.Kill("uid-acme", "app")
	w.registry.Wish("acme", func(*registryv1.Tenant) {})
	w.until("acme", 3, typev1.OperationMetadata_FAILED)
	w.disk.Replace("/flags", nil)
	w.write("acme", "2 rockets")
	w.registry.Wish("acme", func(*registryv1.Tenant) {})
	w.until("acme", 4, typev1.OperationMetadata_SUCCEEDED)
	w.serves("acme", w.rev2)
	w.has("acme", "2 rockets", "1.1.0")
}

func TestNewerWishOvertakesABrokenUpgrade(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.open("acme")
	w.disk.Put("/flags/broken", "yes")
	w.start(options{})
	w.upgrade("acme")
	w.until("acme", 2, typev1.OperationMetadata_FAILED)
	w.place(w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint = w.rev1 }), "one")
	w.until("acme", 3, typev1.OperationMetadata_SUCCEEDED)
	w.serves("acme", w.rev1)
	if s := w.stamp("acme"); s.GetUpgrade() != nil || len(s.GetObstacles()) != 0 {
		t.Errorf("stamp still says %v, %v", s.GetUpgrade(), s.GetObstacles())
	}
}

func TestKilledAtEveryPointOfAWayBack(t *testing.T) {
	t.Parallel()
	crashesOf(t, func(t *testing.T) crashCase {
		w := newShop(t)
		w.open("acme")
		w.disk.Put("/flags/broken", "yes")
		return crashCase{
			world: w.world, act: func() { w.upgrade("acme") }, generation: 2, ends: typev1.OperationMetadata_FAILED,
			check: func() {
				w.serves("acme", w.rev1)
				w.has("acme", "1 rocket", "1.0.0")
			},
		}
	})
}

func TestKilledAtEveryPointOfAnUpgradeWithBackup(t *testing.T) {
	t.Parallel()
	crashesOf(t, func(t *testing.T) crashCase {
		w := newShop(t)
		w.open("acme")
		return crashCase{
			world: w.world, act: func() { w.upgrade("acme") }, generation: 2, ends: typev1.OperationMetadata_SUCCEEDED,
			check: func() {
				w.serves("acme", w.rev2)
				w.has("acme", "1 rocket", "1.1.0")
				if n := len(w.cell.Backups()); n != 1 {
					t.Errorf("%d backups", n)
				}
			},
		}
	})
}

func TestRestoreIntoTheTenant(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.open("acme")
	w.start(options{})
	w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
	w.ended("acme.backup-1", typev1.OperationMetadata_SUCCEEDED)
	w.write("acme", "lost")
	w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
	w.ended("acme.restore-1", typev1.OperationMetadata_SUCCEEDED)
	w.has("acme", "1 rocket", "1.0.0")
	w.serves("acme", w.rev1)
	if _, kept := w.cell.Backups()["acme.uid-acme/before-restore-1"]; !kept {
		t.Errorf("no backup of what there was: %v", w.cell.Backups())
	}
}

func TestFailedRestoreBringsBackWhatThereWas(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.open("acme")
	w.start(options{})
	w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
	w.ended("acme.backup-1", typev1.OperationMetadata_SUCCEEDED)
	w.write("acme", "2 rockets")
	w.disk.Put("/flags/unrestorable", "1 rocket")
	w.errand("acme", "restore", typev1.OperationMetadata_RESTORE, restore)
	m := w.ended("acme.restore-1", typev1.OperationMetadata_FAILED)
	if m.GetFailure().GetCode() != typev1.Failure_RESTORE_FAILED {
		t.Errorf("failure %v", m.GetFailure())
	}
	w.has("acme", "2 rockets", "1.0.0")
	w.serves("acme", w.rev1)
}

func TestRestoreAsANewTenant(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.open("acme")
	w.start(options{})
	w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
	w.ended("acme.backup-1", typev1.OperationMetadata_SUCCEEDED)
	copied := w.registry.Wish("copy", func(t *registryv1.Tenant) {
		t.Blueprint, t.Plan, t.RestoreFrom = w.rev2, "standard", "tenants/acme/backups/backup-1"
	})
	w.place(copied, "one")
	w.until("copy", 1, typev1.OperationMetadata_SUCCEEDED)
	w.has("copy", "1 rocket", "1.1.0")
	w.has("acme", "1 rocket", "1.0.0")
	w.write("copy", "of its own")
	w.has("acme", "1 rocket", "1.0.0")
}

// What a backup is no use for is said before anything is made, and what to do.
func TestRestoreOfWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	other := w.registry.Publish(t, strings.Replace(fmt.Sprintf(shop, "1.1.0", "1.1.0"), "blueprint: shop", "blueprint: stall", 1))
	w.place(w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Blueprint, t.Plan = w.rev2, "standard" }), "one")
	w.start(options{})
	w.until("acme", 1, typev1.OperationMetadata_SUCCEEDED)
	w.write("acme", "1 rocket")
	w.errand("acme", "backup", typev1.OperationMetadata_BACKUP, makeBackup)
	w.ended("acme.backup-1", typev1.OperationMetadata_SUCCEEDED)
	for id, c := range map[string]struct {
		from, revision, says, next string
		cure                       func(*registryv1.Tenant)
	}{
		"elsewhere": {"backup-1", other, "is of " + w.rev2, "stamp tenant update elsewhere --restore-from", nil},
		"older": {"backup-1", w.rev1, "which is newer than " + w.rev1, "stamp tenant upgrade older 1.1.0", func(t *registryv1.Tenant) {
			t.Blueprint = w.rev2
		}},
		"nothing": {"backup-9", w.rev2, "There is no backup", "stamp tenant update nothing --restore-from", func(t *registryv1.Tenant) {
			t.RestoreFrom = "tenants/acme/backups/backup-1"
		}},
	} {
		w.place(w.registry.Wish(id, func(t *registryv1.Tenant) {
			t.Blueprint, t.Plan, t.RestoreFrom = c.revision, "standard", "tenants/acme/backups/"+c.from
		}), "one")
		f := w.until(id, 1, typev1.OperationMetadata_FAILED).GetFailure()
		if f.GetCode() != typev1.Failure_BACKUP_INVALID || !strings.Contains(f.GetMessage(), c.says) || !strings.Contains(f.GetNextAction(), c.next) {
			t.Errorf("%s: failure %v", id, f)
		}
		if got := running(w.world, "uid-"+id); len(got) != 0 {
			t.Errorf("%s: running %v", id, got)
		}
		if c.cure == nil {
			continue
		}
		w.place(w.registry.Wish(id, c.cure), "one") // its id is not lost
		w.until(id, 2, typev1.OperationMetadata_SUCCEEDED)
		w.has(id, "1 rocket", "1.1.0")
	}
}

func TestDeletionMakesALastBackup(t *testing.T) {
	t.Parallel()
	for _, suspended := range []bool{false, true} {
		t.Run(fmt.Sprintf("suspended %v", suspended), func(t *testing.T) {
			w := newShop(t)
			w.open("acme")
			w.start(options{})
			if suspended {
				w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Suspended = true })
				w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
			}
			last := w.registry.Wish("acme", func(t *registryv1.Tenant) { t.DeleteTime = timestamppb.Now() }).GetGeneration()
			w.until("acme", last, typev1.OperationMetadata_SUCCEEDED)
			if _, kept := w.cell.Backups()[fmt.Sprintf("acme.uid-acme/final-%d", last)]; !kept {
				t.Errorf("backups %v", w.cell.Backups())
			}
			if got := running(w.world, "uid-acme"); len(got) != 0 {
				t.Errorf("running %v", got)
			}
		})
	}
}

// TestDeletionAfterAnUpgradeMakesALastBackup: one that failed or that waits is
// no reason to go without.
func TestDeletionAfterAnUpgradeMakesALastBackup(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(w *shopWorld){
		"that went back": func(w *shopWorld) {
			w.disk.Put("/flags/broken", "yes")
			w.upgrade("acme")
			w.until("acme", 2, typev1.OperationMetadata_FAILED)
		},
		"that waits": func(w *shopWorld) {
			w.place(w.registry.Wish("acme", func(t *registryv1.Tenant) {
				t.Blueprint = w.rev2
				t.Hold = &registryv1.Hold{Owner: "dana", Reason: "an audit", ExpireTime: timestamppb.New(time.Now().Add(time.Hour))}
			}), "one")
			testkit.Eventually(t, soon, func() error {
				if len(w.stamp("acme").GetObstacles()) == 0 {
					return errors.New("it does not wait")
				}
				return nil
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newShop(t)
			w.open("acme")
			w.start(options{})
			before(w)
			w.write("acme", "2 rockets")
			last := w.registry.Wish("acme", func(t *registryv1.Tenant) { t.Hold, t.DeleteTime = nil, timestamppb.Now() }).GetGeneration()
			w.until("acme", last, typev1.OperationMetadata_SUCCEEDED)
			if _, kept := w.cell.Backups()[fmt.Sprintf("acme.uid-acme/final-%d", last)]; !kept {
				t.Errorf("backups %v", w.cell.Backups())
			}
		})
	}
}

// errand asks for work without a generation.
func (w *shopWorld) errand(tenant, word string, kind typev1.OperationMetadata_Kind, work func(n int) (*pb.Errand, *typev1.OperationMetadata)) {
	w.t.Helper()
	_, err := w.records().Ask(w.t.Context(), record.Errand{Tenant: tenant, UID: "uid-" + tenant, Kind: kind, Word: word, Work: work})
	if err != nil {
		w.t.Fatal(err)
	}
}

func makeBackup(n int) (*pb.Errand, *typev1.OperationMetadata) {
	return &pb.Errand{Work: &pb.Errand_MakeBackup_{MakeBackup: &pb.Errand_MakeBackup{
		Backup: fmt.Sprintf("backup-%d", n), Reason: pb.Backup_ON_DEMAND,
	}}}, &typev1.OperationMetadata{}
}

func restore(n int) (*pb.Errand, *typev1.OperationMetadata) {
	return &pb.Errand{Work: &pb.Errand_RestoreBackup_{RestoreBackup: &pb.Errand_RestoreBackup{
		Backup: "tenants/acme/backups/backup-1", SafetyBackup: fmt.Sprintf("before-restore-%d", n),
	}}}, &typev1.OperationMetadata{}
}

// ended waits for an operation by its id.
func (w *world) ended(id string, state typev1.OperationMetadata_State) *typev1.OperationMetadata {
	w.t.Helper()
	var m *typev1.OperationMetadata
	testkit.Eventually(w.t, soon, func() error {
		v, err := w.records().Operations.Get(w.t.Context(), id)
		if err != nil {
			return err
		}
		if m = v.Value.GetMetadata(); m.GetState() != state {
			return fmt.Errorf("operation %s is %v, want %s", id, m, state)
		}
		return nil
	})
	return m
}
