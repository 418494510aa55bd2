package engine_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"stampworks.dev/pkg/testkit"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
	"stampworks.dev/services/provisioner/internal/engine"
	"stampworks.dev/services/provisioner/internal/record"
	"stampworks.dev/services/provisioner/internal/secrets"
)

// kiosk has a database whose password is put in place by a job, and a token that
// two components share.
const kiosk = `
blueprint: kiosk
revision: 1.0.0
artifacts:
  kiosk: {file: /opt/kiosk, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
secrets:
  db_password: {length: 16, rotate: app.migrate}
  token: {length: 16, rotate: restart}
  seal: {length: 16}
plans:
  standard: {resources: {default: {cpu: 100m, memory: 128Mi}, db: {cpu: 100m, memory: 128Mi, volumes: {data: 1Gi}}}}
components:
  db:
    artifact: kiosk
    volumes: [data]
    ports: {sql: 5432}
    env: {SEAL: "${secrets.seal}"}
    run: kiosk db ${volumes.data}
    ready: {tcp: sql, timeout: 2s}
  app:
    artifact: kiosk
    ports: {http: 8080}
    env: {DB: "${db.sql.addr}", PASSWORD: "${secrets.db_password}", TOKEN: "${secrets.token}"}
    migrate: kiosk migrate
    run: kiosk app --listen ${app.http.bind}:${app.http.port}
    ready: {http: http, timeout: 2s}
  worker:
    artifact: kiosk
    after: [app]
    env: {TOKEN: "${secrets.token}"}
    run: kiosk worker
endpoint: app.http
smoke:
  - {component: app, exec: kiosk check, timeout: 200ms}
tasks:
  count: {component: app, exec: kiosk count}
  shell: {component: app, exec: kiosk shell, interactive: true}
`

// kioskWorld has a customer on kiosk. Its database takes the password that the
// job was given last; the check is whether the app has that one.
type kioskWorld struct {
	*world
	disk *memory.Disk
}

func newKiosk(t *testing.T) *kioskWorld {
	t.Helper()
	w := &kioskWorld{disk: &memory.Disk{}}
	w.world = newWorld(t, memory.Config{Disk: w.disk, Job: w.job})
	w.rev1 = w.registry.Publish(t, kiosk)
	created(t, w.world)
	return w
}

func (w *kioskWorld) job(_ context.Context, _ driver.Ref, _ driver.Manifest, j driver.Job) (driver.JobResult, error) {
	said := func(code int, line string) (driver.JobResult, error) {
		return driver.JobResult{ExitCode: code, Output: []string{line}}, nil
	}
	has, _ := w.disk.Get("/password")
	_, broken := w.disk.Get("/broken/" + j.Command[1])
	switch {
	case j.Command[1] == "migrate":
		w.disk.Put("/password", j.Env["PASSWORD"])
		if how, _ := w.disk.Get("/broken/migrate"); broken && (how == "for good" || !strings.Contains(j.ID, "undo")) {
			return said(3, "half-way, with "+j.Env["PASSWORD"])
		}
	case j.Command[1] == "check" && (j.Env["PASSWORD"] != has || broken && has != w.original()):
		return said(1, "no such password: "+j.Env["PASSWORD"])
	case j.Command[1] == "count" && broken:
		return said(4, "cannot count with "+j.Env["PASSWORD"])
	case j.Command[1] == "count":
		w.disk.Put("/counted/"+j.ID, "yes")
		return said(0, "7 tickets, with "+j.Env["PASSWORD"])
	}
	return driver.JobResult{}, nil
}

func (w *kioskWorld) original() string {
	text, _ := w.disk.Get("/original")
	return text
}

// ask asks for an errand on behalf of somebody.
func (w *kioskWorld) ask(e record.Errand) string {
	w.t.Helper()
	e.Principal = "tokens/dba"
	op, err := w.records().Ask(w.t.Context(), e)
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimPrefix(op.GetName(), "operations/")
}

// uses checks which version of each secret is in place: in the vault, which has no
// other, in the ledger, and in the database.
func (w *kioskWorld) uses(want map[string]int32) {
	w.t.Helper()
	v := &secrets.Vault{Box: w.box, Sealed: w.records().Secrets}
	values, err := v.Read(w.t.Context(), "acme", "uid-acme")
	if err != nil {
		w.t.Fatal(err)
	}
	got := map[string]int32{}
	for key, s := range values {
		got[key] = s.Version
	}
	ledger := ""
	for _, e := range w.stamp("acme").GetLedger() {
		ledger += e.GetRendered()
	}
	if !maps.Equal(got, want) || !maps.Equal(w.stamp("acme").GetSecretVersions(), want) {
		w.t.Errorf("the vault has %v, the stamp says %v, want %v", got, w.stamp("acme").GetSecretVersions(), want)
	}
	for name, version := range want {
		if !strings.Contains(ledger, fmt.Sprintf("secret:%s@%d", name, version)) || strings.Contains(ledger, fmt.Sprintf("secret:%s@%d", name, 3-version)) {
			w.t.Errorf("the ledger does not use version %d of %s alone: %s", version, name, ledger)
		}
		if strings.Contains(ledger, values[name].Value) {
			w.t.Errorf("the value of %s is in the ledger", name)
		}
	}
	if has, _ := w.disk.Get("/password"); has != values["db_password"].Value {
		w.t.Error("the database has another password than the app")
	}
	if got := running(w.world, "uid-acme"); len(got) != 3 {
		w.t.Errorf("running %v", got)
	}
}

func TestRotate(t *testing.T) {
	t.Parallel()
	w := newKiosk(t)
	w.start(options{})
	before := pids(w.world)
	old, _ := w.disk.Get("/password")
	m := w.ended(w.ask(engine.AskRotation(w.stamp("acme"), "db_password")), typev1.OperationMetadata_SUCCEEDED)
	if m.GetKind() != typev1.OperationMetadata_ROTATE || m.GetSecret() != "db_password" {
		t.Errorf("operation %v", m)
	}
	w.uses(map[string]int32{"db_password": 2, "token": 1, "seal": 1})
	if now, _ := w.disk.Get("/password"); now == old {
		t.Error("the old password is still good")
	}
	after := pids(w.world)
	if after["app"] == before["app"] || after["db"] != before["db"] || after["worker"] != before["worker"] {
		t.Errorf("processes %v, then %v: only what uses it is to be restarted", before, after)
	}

	w.ended(w.ask(engine.AskRotation(w.stamp("acme"), "token")), typev1.OperationMetadata_SUCCEEDED)
	w.uses(map[string]int32{"db_password": 2, "token": 2, "seal": 1})
	last := pids(w.world)
	if last["app"] == after["app"] || last["db"] != after["db"] || last["worker"] == after["worker"] {
		t.Errorf("processes %v, then %v: only what uses it is to be restarted", after, last)
	}

	m = w.ended(w.ask(engine.AskRotation(w.stamp("acme"), "seal")), typev1.OperationMetadata_FAILED)
	if f := m.GetFailure(); f.GetCode() != typev1.Failure_ROTATION_FAILED || !strings.Contains(f.GetMessage(), "no way") {
		t.Errorf("failure %v", f)
	}
	// The next generation finds nothing to change.
	w.registry.Wish("acme", func(*registryv1.Tenant) {})
	w.until("acme", 2, typev1.OperationMetadata_SUCCEEDED)
	if now := pids(w.world); !maps.Equal(now, last) {
		t.Errorf("processes %v, then %v", last, now)
	}
	want := []string{
		"acme.rotate-1 rotate.asked tokens/dba: A new value of the secret db_password was asked for",
		"acme.rotate-1 rotate.succeeded tokens/dba: The secret db_password has a new value",
		"acme.rotate-2 rotate.asked tokens/dba: A new value of the secret token was asked for",
		"acme.rotate-2 rotate.succeeded tokens/dba: The secret token has a new value",
		"acme.rotate-3 rotate.asked tokens/dba: A new value of the secret seal was asked for",
		"acme.rotate-3 rotate.failed tokens/dba: 1.0.0 names no way to rotate the secret seal.",
	}
	if got := w.registry.Timeline("acme"); !slices.Equal(got, want) {
		t.Errorf("timeline\n%s", strings.Join(got, "\n"))
	}
}

// TestFailedRotationPutsTheOldValueBack: whether the job fails, or what is
// restarted does not serve.
func TestFailedRotationPutsTheOldValueBack(t *testing.T) {
	t.Parallel()
	for broken, code := range map[string]typev1.Failure_Code{"migrate": typev1.Failure_ROTATION_FAILED, "check": typev1.Failure_SMOKE_FAILED} {
		t.Run(broken, func(t *testing.T) {
			t.Parallel()
			w := newKiosk(t)
			old, _ := w.disk.Get("/password")
			w.disk.Put("/original", old)
			w.disk.Put("/broken/"+broken, "yes")
			w.start(options{})
			m := w.ended(w.ask(engine.AskRotation(w.stamp("acme"), "db_password")), typev1.OperationMetadata_FAILED)
			if f := m.GetFailure(); f.GetCode() != code || !strings.HasSuffix(strings.TrimSuffix(f.GetEvidence()[len(f.GetEvidence())-1], "."), "secret:db_password@2") {
				t.Errorf("failure %v", f) // what a job or a check printed has no value of a secret
			}
			w.uses(map[string]int32{"db_password": 1, "token": 1, "seal": 1})
			if now, _ := w.disk.Get("/password"); now != old {
				t.Error("the old password does not work any more")
			}
		})
	}
}

func TestCancelledRotationPutsTheOldValueBack(t *testing.T) {
	t.Parallel()
	w := newKiosk(t)
	old, _ := w.disk.Get("/password")
	w.disk.Put("/original", old)
	w.disk.Put("/broken/check", "yes")
	w.start(options{tune: func(cfg *engine.Config) { cfg.Backoff = nil }}) // a second between two attempts
	id := w.ask(engine.AskRotation(w.stamp("acme"), "db_password"))
	w.ended(id, typev1.OperationMetadata_RETRYING)
	if _, err := w.records().Operations.Update(t.Context(), id, func(op *pb.OperationRecord) error { op.CancelRequested = true; return nil }); err != nil {
		t.Fatal(err)
	}
	w.ended(id, typev1.OperationMetadata_CANCELLED)
	w.uses(map[string]int32{"db_password": 1, "token": 1, "seal": 1})
}

func TestKilledAtEveryPointOfARotation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, broken string
		ends         typev1.OperationMetadata_State
		version      int32
	}{
		{"forward", "", typev1.OperationMetadata_SUCCEEDED, 2},
		{"and back", "migrate", typev1.OperationMetadata_FAILED, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			crashesOf(t, func(t *testing.T) crashCase {
				w := newKiosk(t)
				if c.broken != "" {
					w.disk.Put("/broken/"+c.broken, "yes")
				}
				return crashCase{
					world: w.world, act: func() { w.ask(engine.AskRotation(w.stamp("acme"), "db_password")) }, errand: "acme.rotate-1", ends: c.ends,
					check: func() { w.uses(map[string]int32{"db_password": c.version, "token": 1, "seal": 1}) },
				}
			})
		})
	}
}

func TestRepair(t *testing.T) {
	t.Parallel()
	w := newKiosk(t)
	w.start(options{})
	before := pids(w.world)
	m := w.ended(w.ask(engine.AskRepair(w.stamp("acme"), "app", "it hangs")), typev1.OperationMetadata_SUCCEEDED)
	if m.GetKind() != typev1.OperationMetadata_REPAIR || m.GetComponent() != "app" {
		t.Errorf("operation %v", m)
	}
	after := pids(w.world)
	if after["app"] == before["app"] || after["db"] != before["db"] || after["worker"] != before["worker"] {
		t.Errorf("processes %v, then %v: only the app is to be restarted", before, after)
	}
	m = w.ended(w.ask(engine.AskRepair(w.stamp("acme"), "", "")), typev1.OperationMetadata_SUCCEEDED)
	var order []string
	for _, s := range m.GetSteps() {
		if s.GetAction() == "stop" || s.GetAction() == "start" {
			order = append(order, s.GetId())
		}
	}
	if want := []string{"worker.stop", "app.stop", "db.stop", "db.start", "app.start", "worker.start"}; !slices.Equal(order, want) {
		t.Errorf("restarted in the order %v", order)
	}
	if all := pids(w.world); all["db"] == after["db"] || all["worker"] == after["worker"] || len(all) != 3 {
		t.Errorf("processes %v, then %v", after, all)
	}
	if got := w.registry.Timeline("acme"); len(got) != 4 || !strings.HasSuffix(got[0], "A restart of app was asked for: it hangs") {
		t.Errorf("timeline %v", got)
	}
	w.disk.Put("/broken/check", "yes")
	m = w.ended(w.ask(engine.AskRepair(w.stamp("acme"), "app", "")), typev1.OperationMetadata_FAILED)
	if f := m.GetFailure(); f.GetCode() != typev1.Failure_SMOKE_FAILED || m.GetAttempt() != 3 {
		t.Errorf("failure %v", f)
	}
}

func TestKilledAtEveryPointOfARepair(t *testing.T) {
	t.Parallel()
	crashesOf(t, func(t *testing.T) crashCase {
		w := newKiosk(t)
		before := pids(w.world)
		return crashCase{
			world: w.world, act: func() { w.ask(engine.AskRepair(w.stamp("acme"), "", "")) }, errand: "acme.repair-1", ends: typev1.OperationMetadata_SUCCEEDED,
			check: func() {
				for name, pid := range pids(w.world) {
					if pid == before[name] {
						t.Errorf("%s was not restarted", name)
					}
				}
				w.uses(map[string]int32{"db_password": 1, "token": 1, "seal": 1})
			},
		}
	})
}

func TestTask(t *testing.T) {
	t.Parallel()
	w := newKiosk(t)
	w.start(options{})
	id := w.ask(engine.AskTask(w.stamp("acme"), "count", "app", "operator"))
	m := w.ended(id, typev1.OperationMetadata_SUCCEEDED)
	if m.GetTask() != "count" || m.GetComponent() != "app" || len(m.GetSteps()) != 1 {
		t.Errorf("operation %v", m)
	}
	op, err := w.records().Operations.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	res := op.Value.GetErrand().GetRunTask().GetResult()
	if res.GetExitCode() != 0 || !slices.Equal(res.GetOutput(), []string{"7 tickets, with secret:db_password@1"}) {
		t.Errorf("result %v", res)
	}

	w.disk.Put("/broken/count", "yes")
	m = w.ended(w.ask(engine.AskTask(w.stamp("acme"), "count", "app", "operator")), typev1.OperationMetadata_FAILED)
	if f := m.GetFailure(); f.GetCode() != typev1.Failure_TASK_FAILED || f.GetRetryable() || m.GetAttempt() != 1 ||
		!slices.Equal(f.GetEvidence(), []string{"exit code 4", "cannot count with secret:db_password@1"}) {
		t.Errorf("failure %v", f)
	}
	if s := w.registry.Tenant("acme").GetStatus(); s.GetFailure() != nil {
		t.Errorf("a task made the tenant %v", s)
	}
	m = w.ended(w.ask(engine.AskTask(w.stamp("acme"), "shell", "app", "operator")), typev1.OperationMetadata_FAILED)
	if f := m.GetFailure(); !strings.Contains(f.GetMessage(), "talks with a person") {
		t.Errorf("failure %v", f)
	}
	if got := w.registry.Timeline("acme"); len(got) != 6 || got[3] != "acme.task-2 task.failed tokens/dba: The task count ended with exit code 4." {
		t.Errorf("timeline\n%s", strings.Join(got, "\n"))
	}
}

// TestTaskOfABrokenStamp: a task may be what finds out why it does not serve.
func TestTaskOfABrokenStamp(t *testing.T) {
	t.Parallel()
	w := newKiosk(t)
	w.disk.Put("/broken/check", "yes")
	w.start(options{})
	w.registry.Wish("acme", func(t *registryv1.Tenant) { t.DisplayName = "Acme"; t.Inputs = nil })
	w.cell.Kill("uid-acme", "app")
	w.until("acme", 2, typev1.OperationMetadata_FAILED)
	w.ended(w.ask(engine.AskTask(w.stamp("acme"), "count", "app", "operator")), typev1.OperationMetadata_SUCCEEDED)
	m := w.ended(w.ask(engine.AskRepair(w.stamp("acme"), "app", "")), typev1.OperationMetadata_FAILED)
	if f := m.GetFailure(); f.GetCode() != typev1.Failure_REPAIR_FAILED {
		t.Errorf("failure %v", f)
	}
}

func TestKilledAtEveryPointOfATask(t *testing.T) {
	t.Parallel()
	crashesOf(t, func(t *testing.T) crashCase {
		w := newKiosk(t)
		return crashCase{
			world: w.world, act: func() { w.ask(engine.AskTask(w.stamp("acme"), "count", "app", "operator")) }, errand: "acme.task-1", ends: typev1.OperationMetadata_SUCCEEDED,
			fewest: 4, // it begins, runs and ends
			check: func() {
				if _, ran := w.disk.Get("/counted/task.run-1.0.0-task-1.1"); !ran {
					t.Error("it never ran")
				}
			},
		}
	})
}

// TestNewKeyFile: after the key file has a new key and the replica was started
// again, nothing is sealed under the old one.
func TestNewKeyFile(t *testing.T) {
	t.Parallel()
	w := newKiosk(t)
	old := w.box
	w.rekey()
	w.start(options{})
	testkit.Eventually(t, soon, func() error {
		v, err := w.records().Secrets.Get(t.Context(), "acme")
		if err != nil {
			return err
		}
		for key, sealed := range v.Value.GetSealed() {
			if !w.box.Current(sealed) {
				return fmt.Errorf("%s is under the old key", key)
			}
		}
		return nil
	})
	w.uses(map[string]int32{"db_password": 1, "token": 1, "seal": 1})
	if _, err := (&secrets.Vault{Box: old, Sealed: w.records().Secrets}).Read(t.Context(), "acme", "uid-acme"); err == nil {
		t.Error("the old key file still opens them")
	}
}
