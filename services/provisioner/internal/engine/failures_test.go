package engine_test

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"testing"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
	"stampworks.dev/services/provisioner/internal/failure"
)

// fault is one way in which something goes wrong.
type fault struct {
	name string
	// inject makes it happen, and gives what suffers from it.
	inject func(t *testing.T) victim
	// says is part of the message, evidence of what was seen; empty is for what
	// nothing can be seen of.
	says, evidence string
}

// turns are whose turn it is where that is not what the code says, by the fault.
var turns = map[string]typev1.Failure_Owner{
	"not in the artifact": typev1.Failure_PRODUCT, "not of this machine": typev1.Failure_PRODUCT,
}

// victim is an operation that fails, and what is to be done about it.
type victim struct {
	*world
	operation string
	// ends is its state in the end; default FAILED, or SUCCEEDED after the cure
	// for what is tried until it works.
	ends typev1.OperationMetadata_State
	cure func()
}

// kind is what is promised of a code.
type kind struct {
	owner typev1.Failure_Owner
	// tries is after how many attempts it is over; 0 is never.
	tries  int32
	faults []fault
}

// kinds has every code of the closed set, with a way to get there.
var kinds = map[typev1.Failure_Code]kind{
	typev1.Failure_PROGRAM_MISSING: {typev1.Failure_OPERATOR, 1, []fault{
		{"not on the host", programNotOnHost, "this host does not have it", "no-such-program"},
		{"not in the artifact", programNotInArtifact, "the component's artifact does not have it", ""},
		{"not of this machine", programNotExecutable, "execute program: no such file or directory", ""},
	}},
	typev1.Failure_ARTIFACT_INVALID: {typev1.Failure_PRODUCT, 3, []fault{
		{"not there", artifactNotThere, "desk", "no such file"},
	}},
	typev1.Failure_PORT_TAKEN: {typev1.Failure_OPERATOR, 0, []fault{
		{"by another process", portTaken, "is taken", "Address already in use"},
	}},
	typev1.Failure_COMPONENT_EXITED: {typev1.Failure_PRODUCT, 3, []fault{
		{"at once", exitsAtOnce, "does not stay up", "no licence"},
	}},
	typev1.Failure_NEVER_READY: {typev1.Failure_PRODUCT, 3, []fault{
		{"the probe's answer", neverReady, "was not ready within 1s", "still warming up"},
	}},
	typev1.Failure_SETUP_FAILED: {typev1.Failure_PRODUCT, 3, []fault{
		{"setup", setupFails, "ended with exit code 3", "no room at the inn"},
	}},
	typev1.Failure_MIGRATION_FAILED: {typev1.Failure_PRODUCT, 1, []fault{
		{"migrate, which must not be repeated", migrationFails, "ended with exit code 4", "relation exists already"},
	}},
	typev1.Failure_SMOKE_FAILED: {typev1.Failure_PRODUCT, 3, []fault{
		{"in a component", smokeFails, "smoke.1 did not pass", "exit code 1"},
	}},
	typev1.Failure_DISK_FULL: {typev1.Failure_OPERATOR, 0, []fault{
		{"a small disk", diskFull, "no space left on device", "no space left on device"},
		{"said by the driver", driverSaysFull, "disk quota exceeded", "disk quota exceeded"},
	}},
	typev1.Failure_CELL_UNREACHABLE: {typev1.Failure_OPERATOR, 0, []fault{
		{"no supervisor can be started", supervisorGone, "launch supervisor", "no such file or directory"},
		{"said by the driver", cellGone, "the cell does not answer", "the cell does not answer"},
	}},
	typev1.Failure_CAPACITY_EXHAUSTED: {typev1.Failure_OPERATOR, 0, []fault{
		{"taken meanwhile", cellFull, "all 1 stamps are taken", "all 1 stamps are taken"},
	}},
	typev1.Failure_SECRET_UNREADABLE: {typev1.Failure_OPERATOR, 0, []fault{
		{"another key file", keyMissing, "cannot be opened", ""},
	}},
	typev1.Failure_TIMED_OUT: {typev1.Failure_PRODUCT, 3, []fault{
		{"setup", setupHangs, "setup job of site was ended after 1s", "thinking"},
	}},
	typev1.Failure_CANCELLED: {typev1.Failure_OPERATOR, 1, []fault{
		{"in a setup", cancelled, "A person cancelled", ""},
	}},
	typev1.Failure_RENDER_FAILED: {typev1.Failure_PRODUCT, 1, []fault{
		{"no such revision", noRevision, "9.9.9 does not exist", ""},
	}},
	typev1.Failure_DRIVER_ERROR: {typev1.Failure_PLATFORM, 0, []fault{
		{"anything else", driverBroken, "something unheard of", "something unheard of"},
	}},
	typev1.Failure_DESTROY_INCOMPLETE: {typev1.Failure_OPERATOR, 5, []fault{
		{"something is stuck", destroyStuck, "destroy stamp", "/volumes/data/stuck"},
	}},
	typev1.Failure_BACKUP_FAILED: {typev1.Failure_PRODUCT, 3, []fault{
		{"the job", backupFails, "The backup job of db ended with exit code 1", "db.backup is broken"},
		{"nothing was written", backupEmpty, "wrote no file", "wrote no file"},
	}},
	typev1.Failure_RESTORE_FAILED: {typev1.Failure_PRODUCT, 1, []fault{
		{"the job", restoreFails, "The restore job of db ended with exit code 1", "db.restore is broken"},
	}},
	typev1.Failure_BACKUP_INVALID: {typev1.Failure_OPERATOR, 1, []fault{
		{"damaged", backupDamaged, "The backup cannot be used", ""},
	}},
	typev1.Failure_TASK_FAILED: {typev1.Failure_PRODUCT, 1, []fault{
		{"exit code", taskFails, "The task count ended with exit code 4", "cannot count"},
	}},
	typev1.Failure_ROTATION_FAILED: {typev1.Failure_PRODUCT, 3, []fault{
		{"the job", rotationFails, "ended with exit code 3", "half-way"},
	}},
	typev1.Failure_REPAIR_FAILED: {typev1.Failure_OPERATOR, 1, []fault{
		{"of a stamp that does not run", repairOfStopped, "The stamp does not run", ""},
	}},
}

// TestEveryFailureCanHappen makes each happen, and checks what whoever is paged
// reads. A code without a way to it fails.
func TestEveryFailureCanHappen(t *testing.T) {
	t.Parallel()
	for n, name := range typev1.Failure_Code_name {
		code := typev1.Failure_Code(n)
		k, known := kinds[code]
		if code == typev1.Failure_CODE_UNSPECIFIED {
			continue
		}
		if !known || len(k.faults) == 0 {
			t.Errorf("%s: no test makes it happen: add a fault to kinds", name)
		}
		for _, f := range k.faults {
			t.Run(name+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				checkFault(t, code, k, f)
			})
		}
	}
}

func checkFault(t *testing.T, code typev1.Failure_Code, k kind, f fault) {
	t.Helper()
	v := f.inject(t)
	state := cmp.Or(v.ends, typev1.OperationMetadata_FAILED)
	if k.tries == 0 {
		state = typev1.OperationMetadata_RETRYING
	}
	got, owner := v.ended(v.operation, state).GetFailure(), cmp.Or(turns[f.name], k.owner)
	if got.GetCode() != code || got.GetOwner() != owner || got.GetRetryable() != (k.tries == 0) || (got.GetNextAction() != failure.NextAction(code)) != (owner != k.owner) {
		t.Errorf("failure %v, want %s of %s", got, code, owner)
	}
	if k.tries > 0 && got.GetAttempt() != k.tries || (got.GetNextRetryTime() == nil) != (k.tries > 0) {
		t.Errorf("attempt %d, next at %v, want it over after %d", got.GetAttempt(), got.GetNextRetryTime(), k.tries)
	}
	evidence := strings.Join(got.GetEvidence(), "\n")
	if !strings.Contains(got.GetMessage(), f.says) || !strings.Contains(evidence, f.evidence) || len(got.GetEvidence()) > 20 {
		t.Errorf("says %q, and as evidence\n%s\nwant %q and %q", got.GetMessage(), evidence, f.says, f.evidence)
	}
	if strings.ContainsAny(got.GetMessage(), "\n") {
		t.Errorf("message %q is more than a sentence", got.GetMessage())
	}
	if v.cure != nil {
		v.cure()
	}
	if k.tries == 0 {
		v.ended(v.operation, typev1.OperationMetadata_SUCCEEDED)
	}
}

// TestLateJobs: a job that had too little time is tried again, unless it is one
// that must not be repeated.
func TestLateJobs(t *testing.T) {
	t.Parallel()
	for job, tries := range map[string]int{"db.setup": 3, "app.migrate": 1} {
		t.Run(job, func(t *testing.T) {
			t.Parallel()
			ran := 0
			w := newWorld(t, memory.Config{Job: func(_ context.Context, _ driver.Ref, _ driver.Manifest, j driver.Job) (driver.JobResult, error) {
				if strings.HasPrefix(j.ID, job) {
					ran++ // one at a time
					return driver.JobResult{ExitCode: -1, TimedOut: true, Output: []string{"half-way"}}, nil
				}
				return driver.JobResult{}, nil
			}})
			w.place(w.create("acme"), "one")
			r := w.start(options{})
			f := w.until("acme", 1, typev1.OperationMetadata_FAILED).GetFailure()
			w.stop(r)
			if f.GetCode() != typev1.Failure_TIMED_OUT || f.GetRetryable() || int(f.GetAttempt()) != tries || ran != tries {
				t.Errorf("%s ran %d times, want %d: %v", job, ran, tries, f)
			}
			if got := f.GetEvidence(); len(got) != 2 || got[1] != "half-way" {
				t.Errorf("evidence %q", got)
			}
		})
	}
}

// TestProgressOfAFailure: what was skipped because of it is not done.
func TestProgressOfAFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, memory.Config{Job: func(_ context.Context, _ driver.Ref, _ driver.Manifest, j driver.Job) (driver.JobResult, error) {
		if strings.HasPrefix(j.ID, "app.migrate") {
			return driver.JobResult{ExitCode: 3}, nil
		}
		return driver.JobResult{}, nil
	}})
	w.start(options{places: true})
	w.create("acme")
	m := w.until("acme", 1, typev1.OperationMetadata_FAILED)
	done := 0
	for _, s := range m.GetSteps() {
		if s.GetState() == typev1.Step_DONE {
			done++
		}
	}
	if want := fmt.Sprintf("%d of %d steps", done, len(m.GetSteps())); m.GetProgress() != want || done >= len(m.GetSteps())-1 {
		t.Errorf("progress %q, want %q", m.GetProgress(), want)
	}
}
