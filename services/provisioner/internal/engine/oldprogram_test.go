package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
)

// Programs of the two revisions that follow.
const (
	oldProgram = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	newProgram = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
)

// programWorld is a shop whose next revision is of another program, that can
// neither back up nor migrate. It notes which program ran which job.
type programWorld struct {
	*shopWorld
	ran chan string
}

func newPrograms(t *testing.T) *programWorld {
	t.Helper()
	w := &programWorld{shopWorld: &shopWorld{disk: &memory.Disk{}}, ran: make(chan string, 100)}
	w.world = newWorld(t, memory.Config{Disk: w.disk, Job: w.job})
	w.rev1 = w.registry.Publish(t, fmt.Sprintf(shop, "1.0.0", "1.0.0"))
	w.rev2 = w.registry.Publish(t, strings.ReplaceAll(fmt.Sprintf(shop, "1.1.0", "1.1.0"), oldProgram, newProgram))
	return w
}

func (w *programWorld) job(ctx context.Context, ref driver.Ref, m driver.Manifest, j driver.Job) (driver.JobResult, error) {
	what, program := strings.Join(j.Command[:2], " "), m.Site.Artifacts[m.Components[j.Component].Artifact].Digest
	w.ran <- what + " of " + program
	if program == newProgram {
		return driver.JobResult{ExitCode: 1, Output: []string{"no such command"}}, nil
	}
	return w.shopWorld.job(ctx, ref, m, j)
}

// The program of the revision that runs makes the backup before an upgrade, and
// runs again when the upgrade fails, as it ran before.
func TestUpgradeIsBackedUpByTheProgramThatRuns(t *testing.T) {
	t.Parallel()
	w := newPrograms(t)
	w.open("acme")
	before := w.digests()
	for len(w.ran) > 0 {
		<-w.ran
	}
	w.start(options{})
	w.upgrade("acme")
	m := w.until("acme", 2, typev1.OperationMetadata_FAILED)
	if f := m.GetFailure(); f.GetCode() != typev1.Failure_MIGRATION_FAILED {
		t.Errorf("failure %v", f)
	}
	want := []string{"shop copy of " + oldProgram, "shop migrate of " + newProgram, "shop copy of " + oldProgram}
	for _, job := range want {
		select {
		case got := <-w.ran:
			if got != job {
				t.Errorf("ran %q, want %q", got, job)
			}
		default:
			t.Errorf("did not run %q", job)
		}
	}
	w.serves("acme", w.rev1)
	w.has("acme", "1 rocket", "1.0.0")
	if after := w.digests(); after != before {
		t.Errorf("what runs again is %s, was %s", after, before)
	}
}

// digests are those of what runs.
func (w *programWorld) digests() string {
	w.t.Helper()
	obs, err := w.cell.Observe(w.t.Context(), driver.Ref{Tenant: "acme", UID: "uid-acme"})
	if err != nil {
		w.t.Fatal(err)
	}
	return obs.Components["db"].Digest + " " + obs.Components["app"].Digest
}
