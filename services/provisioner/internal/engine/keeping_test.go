package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/record"
)

// vault is a product with data, backed up every night.
const vault = `
blueprint: vault
revision: 1.0.0
artifacts:
  vault: {file: /opt/vault, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
plans:
  standard:
    backup: {schedule: "0 3 * * *", keep: 2}
    resources: {default: {cpu: 10m, memory: 16Mi, volumes: {data: 1Gi}}}
components:
  db:
    artifact: vault
    volumes: [data]
    run: vault db
    setup: vault put ${volumes.data}/tickets one
    backup: vault copy ${volumes.data} ${backup}
    restore: {exec: "vault copy ${backup} ${volumes.data}", stopped: true}
`

// clock is one that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// keeping is a cell with a tenant of the vault that runs, at two in the morning.
type keeping struct {
	*world
	disk  *memory.Disk
	clock *clock
}

func newKeeping(t *testing.T) *keeping {
	t.Helper()
	disk := &memory.Disk{}
	k := &keeping{disk: disk, clock: &clock{now: time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)}}
	k.world = newWorld(t, memory.Config{Disk: disk, Job: disk.Job})
	k.rev1 = k.registry.Publish(t, vault)
	return k
}

func (k *keeping) options() options {
	return options{places: true, resync: 20 * time.Millisecond, tune: func(c *engine.Config) {
		c.Now, c.SweepEvery = k.clock.Now, 20*time.Millisecond
	}}
}

// settled waits until the schedule of a tenant counts.
func (k *keeping) settled(id string) {
	k.t.Helper()
	k.until(id, 1, typev1.OperationMetadata_SUCCEEDED)
	testkit.Eventually(k.t, soon, func() error {
		if k.stamp(id).GetScheduledBackupTime() == nil {
			return fmt.Errorf("the schedule of %s does not count yet", id)
		}
		return nil
	})
}

// has waits until a tenant has these backups, newest first, and no errand open.
func (k *keeping) has(id string, want ...string) []*pb.Backup {
	k.t.Helper()
	var all []*pb.Backup
	testkit.Eventually(k.t, soon, func() error {
		var err error
		if all, err = k.records().AllBackups(k.t.Context(), id); err != nil {
			return err
		}
		var got []string
		for _, b := range all {
			got = append(got, strings.TrimPrefix(b.GetName(), "tenants/"+id+"/backups/"))
		}
		if !slices.Equal(got, want) || k.working(id) {
			return fmt.Errorf("backups %v, want %v", got, want)
		}
		return nil
	})
	var kept []string
	for name := range k.cell.Backups() {
		if backup, of := strings.CutPrefix(name, id+".uid-"+id+"/"); of {
			kept = append(kept, backup)
		}
	}
	if slices.Sort(kept); !slices.Equal(kept, slices.Sorted(slices.Values(want))) {
		k.t.Errorf("the repository has %v, want %v", kept, want)
	}
	return all
}

// working says whether an operation of a tenant is open.
func (k *keeping) working(id string) bool {
	for _, op := range k.operations(id) {
		if !record.Over(op.GetMetadata()) {
			return true
		}
	}
	return false
}

// ask asks for a backup on demand and waits for it.
func (k *keeping) ask(id string) {
	k.t.Helper()
	op, err := k.records().Ask(k.t.Context(), engine.AskBackup(k.stamp(id), pb.Backup_ON_DEMAND))
	if err != nil {
		k.t.Fatal(err)
	}
	testkit.Eventually(k.t, soon, func() error {
		v, err := k.records().Operations.Get(k.t.Context(), strings.TrimPrefix(op.GetName(), "operations/"))
		if err == nil && v.Value.GetMetadata().GetState() != typev1.OperationMetadata_SUCCEEDED {
			return fmt.Errorf("%v", v.Value)
		}
		return err
	})
}

func TestScheduledBackups(t *testing.T) {
	leaks(t)
	k := newKeeping(t)
	r := k.start(k.options())
	k.create("acme")
	k.settled("acme")
	k.clock.add(59 * time.Minute) // 02:59
	k.ask("acme")
	k.has("acme", "backup-1") // on demand, and none by the schedule

	k.clock.add(12 * time.Minute) // 03:11: the tick, and the whole spread after it
	if b := k.has("acme", "backup-2", "backup-1")[0]; b.GetReason() != pb.Backup_SCHEDULED || b.GetRevision() != k.rev1 || b.GetFiles() != 1 {
		t.Errorf("backup %v", b)
	}
	if k.stamp("acme").GetLastBackupTime() == nil {
		t.Error("the stamp does not say when it was backed up")
	}

	k.stop(r)
	k.clock.add(5 * 24 * time.Hour) // nobody is there for five ticks
	k.start(k.options())
	k.has("acme", "backup-3", "backup-2", "backup-1") // one makes up for all

	k.clock.add(24 * time.Hour)
	k.has("acme", "backup-4", "backup-3", "backup-1") // two are kept; that on demand stays
	k.clock.add(24 * time.Hour)
	k.has("acme", "backup-5", "backup-4", "backup-1")
	if n := len(k.operations("acme")); n != 6 {
		t.Errorf("%d operations, want one for each backup, and the creation", n)
	}
}

// TestScheduleSurvivesCrashes kills the provisioner at every write and effect
// around a tick: there is one backup for it, always.
func TestScheduleSurvivesCrashes(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	r := k.start(k.options())
	k.create("acme")
	k.settled("acme")
	k.stop(r)
	for n, crashed := int64(1), true; crashed; n++ {
		k.clock.add(24 * time.Hour)
		o := k.options()
		o.killAt = n
		r := k.start(o)
		ctx, cancel := context.WithCancel(t.Context())
		select {
		case <-r.done:
		case <-k.idle(ctx, n):
			crashed = false
		}
		cancel()
		k.stop(r)
		r = k.start(k.options())
		<-k.idle(t.Context(), n)
		k.stop(r)
		if n > 40 {
			t.Fatal("a backup has no end")
		}
	}
}

// TestScheduleAfterAskedTick: the backup of a tick was made, and the provisioner
// was gone before the stamp said so, for longer than a day. The tick of that day
// is not taken for done.
func TestScheduleAfterAskedTick(t *testing.T) {
	leaks(t)
	k := newKeeping(t)
	r := k.start(k.options())
	k.create("acme")
	k.settled("acme")
	asked := engine.AskBackup(k.stamp("acme"), pb.Backup_SCHEDULED)
	asked.Principal, asked.RequestID = "services/provisioner", "schedule 2026-03-01T03:00:00Z"
	if _, err := k.records().Ask(t.Context(), asked); err != nil {
		t.Fatal(err)
	}
	k.has("acme", "backup-1")
	k.stop(r)
	k.clock.add(48 * time.Hour)
	k.start(k.options())
	k.has("acme", "backup-2", "backup-1")
}

// idle is closed when as many scheduled backups were asked for as there were
// ticks, and all were made, or nobody waits for it any more.
func (k *keeping) idle(ctx context.Context, ticks int64) <-chan struct{} {
	done := make(chan struct{})
	k.t.Helper()
	go func() {
		defer close(done)
		deadline := time.After(soon)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if s := k.stamp("acme"); s != nil && s.GetJobsDone()["backup.keep"] == fmt.Sprintf("backup-%d", ticks) && !k.working("acme") {
					return
				}
			case <-deadline:
				k.t.Errorf("tick %d: %v", ticks, k.stamp("acme").GetJobsDone())
				return
			}
		}
	}()
	return done
}

func TestPurgeTakesBackups(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		retention time.Duration
	}{{"at once", 0}, {"later", 48 * time.Hour}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k := newKeeping(t)
			o := k.options()
			tune := o.tune
			o.tune = func(cfg *engine.Config) { tune(cfg); cfg.BackupRetention = c.retention }
			k.start(o)
			k.create("acme")
			k.settled("acme")
			k.ask("acme")
			k.registry.Wish("acme", func(t *registryv1.Tenant) { t.DeleteTime = timestamppb.Now() })
			k.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
			k.has("acme", "final-2", "backup-1")
			k.registry.Wish("acme", func(t *registryv1.Tenant) { t.Purging = true })
			k.until("acme", 3, typev1.OperationMetadata_SUCCEEDED)
			r := k.registry.Receipt("acme")
			gone, kept := slices.Contains(r.GetDestroyed(), "backup backup-1"), slices.Contains(r.GetBackupsKept(), "tenants/acme/backups/backup-1")
			if gone == (c.retention > 0) || kept != (c.retention > 0) {
				t.Errorf("receipt %v", r)
			}
			if c.retention > 0 {
				for _, b := range k.has("acme", "final-2", "backup-1") {
					if want := k.clock.Now().Add(c.retention); !b.GetExpireTime().AsTime().Equal(want) {
						t.Errorf("%s expires at %v, want %v", b.GetName(), b.GetExpireTime().AsTime(), want)
					}
				}
				k.clock.add(c.retention)
			}
			k.has("acme")
		})
	}
}

// An import that still comes in is no backup that is kept on, whoever hopes for it
// and wherever it is.
func TestPurgeEndsImports(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	o := k.options()
	tune := o.tune
	o.tune = func(cfg *engine.Config) { tune(cfg); cfg.BackupRetention = 48 * time.Hour }
	k.start(o)
	k.create("acme")
	k.settled("acme")
	day := timestamppb.New(k.clock.Now().Add(24 * time.Hour))
	for id, cell := range map[string]string{"import-1": k.stamp("acme").GetCell(), "import-2": "cells/elsewhere"} {
		b := &pb.Backup{Name: "tenants/acme/backups/" + id, TenantUid: "import-x", Reason: pb.Backup_IMPORTED, Cell: cell, ExpireTime: day}
		if _, err := k.records().Backups.Create(t.Context(), record.BackupID("acme", id), b); err != nil {
			t.Fatal(err)
		}
	}
	k.registry.Wish("hopes", func(t *registryv1.Tenant) {
		t.Blueprint, t.Plan, t.RestoreFrom = k.rev1, "standard", "tenants/acme/backups/import-1"
	})
	k.until("hopes", 1, typev1.OperationMetadata_FAILED)
	k.registry.Wish("acme", func(t *registryv1.Tenant) { t.DeleteTime = timestamppb.Now() })
	k.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	k.registry.Wish("acme", func(t *registryv1.Tenant) { t.Purging = true })
	k.until("acme", 3, typev1.OperationMetadata_SUCCEEDED)
	r := k.registry.Receipt("acme")
	if got := r.GetBackupsKept(); len(got) != 1 || got[0] != "tenants/acme/backups/final-2" || strings.Contains(fmt.Sprint(r.GetDestroyed()), "import-") {
		t.Errorf("receipt %v", r)
	}
	all, err := k.records().AllBackups(t.Context(), "acme")
	if err != nil || len(all) != 2 || all[1].GetName() != "tenants/acme/backups/import-2" || !all[1].GetExpireTime().AsTime().Equal(k.clock.Now()) {
		t.Errorf("left are %v, %v: want the final one, and that of the other cell due now", all, err)
	}
}

func TestOnlyCopyIsNotDestroyed(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	k.memory.Job = func(ctx context.Context, ref driver.Ref, m driver.Manifest, j driver.Job) (driver.JobResult, error) {
		if strings.HasPrefix(j.ID, "db.backup") {
			return driver.JobResult{ExitCode: 1}, nil
		}
		return k.disk.Job(ctx, ref, m, j)
	}
	k.cell = memory.New(k.memory)
	k.start(k.options())
	k.create("acme")
	k.settled("acme")
	k.registry.Wish("acme", func(t *registryv1.Tenant) { t.DeleteTime = timestamppb.Now() })
	k.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	if o := k.stamp("acme").GetObstacles(); len(o) != 1 || o[0].GetCode() != "BACKUP_FAILED" {
		t.Errorf("obstacles %v", o)
	}
	k.registry.Wish("acme", func(t *registryv1.Tenant) { t.Purging = true })
	m := k.until("acme", 3, typev1.OperationMetadata_FAILED)
	if f := m.GetFailure(); f.GetCode() != typev1.Failure_BACKUP_FAILED || f.GetRetryable() || !strings.Contains(f.GetNextAction(), "force") || m.GetAttempt() != 1 {
		t.Errorf("attempt %d, failure %v", m.GetAttempt(), f)
	}
	if len(k.cell.Tenants()) != 1 {
		t.Error("the only copy of the data was destroyed")
	}
	k.registry.Wish("acme", func(t *registryv1.Tenant) { t.Purge = &registryv1.Purge{Force: true} })
	k.until("acme", 4, typev1.OperationMetadata_SUCCEEDED)
	if len(k.cell.Tenants()) != 0 {
		t.Error("a person said so, and the stamp is still there")
	}
}

func TestAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{})
	stamp := &pb.Stamp{Name: "tenants/acme/stamp", TenantUid: "uid-acme"}
	ask := func(principal, request string, e record.Errand) (string, error) {
		e.Principal, e.RequestID = principal, request
		op, err := w.records().Ask(t.Context(), e)
		return op.GetName(), err
	}
	for _, id := range []string{"backup-1", "backup-2"} {
		w.keep("acme", id)
	}
	backup := engine.AskBackup(stamp, pb.Backup_ON_DEMAND)
	restore := func(id string) record.Errand {
		return engine.AskRestore(stamp, &pb.Backup{Name: "tenants/acme/backups/" + id})
	}
	for i, c := range []struct {
		principal, request string
		errand             record.Errand
		want               string
	}{
		{"tokens/a", "", backup, "operations/acme.backup-3"},
		{"tokens/a", "", backup, "operations/acme.backup-4"},
		{"tokens/a", "x", backup, "operations/acme.backup-5"},
		{"tokens/a", "x", backup, "operations/acme.backup-5"},
		{"tokens/b", "x", backup, "operations/acme.backup-6"}, // another's
		{"tokens/a", "x", restore("backup-1"), ""},
		{"tokens/a", "y", restore("backup-1"), "operations/acme.restore-1"},
		{"tokens/a", "y", restore("backup-1"), "operations/acme.restore-1"},
		{"tokens/a", "y", restore("backup-2"), ""},
	} {
		got, err := ask(c.principal, c.request, c.errand)
		if got != c.want || (err == nil) != (c.want != "") || err != nil && errs.ReasonOf(err) != "IDEMPOTENCY_KEY_REUSED" {
			t.Errorf("%d: got %q, %v; want %q", i, got, err, c.want)
		}
	}
}

// TestNumbersAreNotUsedAgain: a job's result is found by the number, and so is a
// backup.
func TestNumbersAreNotUsedAgain(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	k.start(k.options())
	k.create("acme")
	k.settled("acme")
	k.ask("acme")
	all := k.has("acme", "backup-1")
	if err := engine.DropBackup(t.Context(), k.records(), k.cell, all[0]); err != nil {
		t.Fatal(err)
	}
	for i := range 22 {
		k.registry.Wish("acme", func(*registryv1.Tenant) {})
		k.until("acme", int64(2+i), typev1.OperationMetadata_SUCCEEDED)
	}
	if n := len(k.operations("acme")); n > 22 {
		t.Errorf("%d operations are kept", n)
	}
	k.ask("acme")
	k.has("acme", "backup-2")
}
