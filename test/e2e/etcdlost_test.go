//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/test/e2e/harness"
)

// TestEtcdLost: etcd and all that was in it are gone, with no snapshot. The
// procedure of docs/operating.md brings every customer back as it runs.
func TestEtcdLost(t *testing.T) {
	t.Parallel()
	h := harness.New(t, harness.Options{})
	h.StartAll()
	awaitCells(t, h, "local")
	h.API.Publish("helpdesk-lite", "1.0.0")
	for _, id := range []string{"acme", "globex", "resting"} {
		h.API.Create(id, harness.Wish(strings.ToUpper(id[:1])+id[1:], "helpdesk-lite"))
	}
	acme, globex := h.API.AwaitActive("acme", stampWithin), h.API.AwaitActive("globex", stampWithin)
	h.API.AwaitActive("resting", stampWithin)
	h.Stamp("tenant", "suspend", "resting", "--wait")
	desk := harness.Desk{URL: acme.GetStatus().GetUrl()}
	desk.Open(t, "before etcd was lost")
	h.Stamp("backup", "create", "acme", "--wait")
	serving := []string{"acme", "globex"}
	before := processes(t, h, serving)

	for _, s := range h.Services {
		s.Kill()
	}
	h.Etcd.Kill()
	h.Etcd.Lose()
	desk.Open(t, "while it was lost")
	h.Etcd.Start()
	h.Etcd.Await()
	h.StartAll()
	awaitCells(t, h, "local")
	if said := h.StampFails("recover"); strings.Count(said, ": REFUSED: ") != 3 || !strings.Contains(said, "helpdesk-lite 1.0.0 is not published") {
		t.Fatalf("recover before the revision was published says\n%s", said)
	}
	h.API.Publish("helpdesk-lite", "1.0.0")
	if said := h.Stamp("recover", "--dry-run"); strings.Count(said, ": WOULD_BE_MADE_AGAIN: ") != 3 {
		t.Fatalf("--dry-run says\n%s", said)
	}
	said := h.Stamp("recover", "--wait")
	if strings.Count(said, ": MADE_AGAIN: ") != 3 {
		t.Fatalf("recover says\n%s", said)
	}
	again := h.API.AwaitActive("acme", stampWithin)
	if again.GetUid() != acme.GetUid() || again.GetStatus().GetUrl() != acme.GetStatus().GetUrl() || again.GetInputs()["admin_email"].GetStringValue() != acme.GetInputs()["admin_email"].GetStringValue() {
		t.Errorf("acme was %v, is %v", acme, again)
	}
	h.API.AwaitActive("globex", stampWithin)
	h.API.AwaitState("resting", registryv1.Tenant_SUSPENDED, stampWithin)
	after := processes(t, h, serving)
	for name, pid := range before {
		if after[name] != pid {
			t.Errorf("%s was process %d, is %d: it was restarted", name, pid, after[name])
		}
	}
	for _, title := range []string{"before etcd was lost", "while it was lost"} {
		if err := desk.Has(title); err != nil {
			t.Error(err)
		}
	}
	if said := h.Stamp("recover", "--wait"); strings.Count(said, ": ALREADY_THERE: ") != 3 {
		t.Errorf("recover again says\n%s", said)
	}
	worksOn(t, h, desk)
	t.Logf("evidence: etcd lost with all its data: 3 customers made again from their manifests, %d processes of %s and %s untouched, backups known", len(before), acme.GetName(), globex.GetName())
}

// processes are those of customers who are served; a suspended one is beside
// them, whose supervisor waits.
func processes(t *testing.T, h *harness.Plane, tenants []string) map[string]int32 {
	t.Helper()
	pids := map[string]int32{}
	testkit.Eventually(t, 30*time.Second, func() error {
		for _, id := range tenants {
			stamp, err := h.API.Stamp(id)
			if err != nil {
				return err
			}
			for _, c := range stamp.GetComponents() {
				if len(c.GetPids()) != 1 {
					return fmt.Errorf("%s.%s runs as %v", id, c.GetName(), c.GetPids())
				}
				pids[id+"."+c.GetName()] = c.GetPids()[0]
			}
		}
		return nil
	})
	return pids
}

// worksOn changes what was taken over: backups of before come back, new ones
// have new numbers, and who rested runs again.
func worksOn(t *testing.T, h *harness.Plane, desk harness.Desk) {
	t.Helper()
	if said := h.Stamp("backup", "create", "acme", "--wait"); !strings.Contains(said, "backup-2") {
		t.Errorf("the next backup is\n%s", said)
	}
	h.Stamp("backup", "restore", "acme", "backup-1", "--yes", "--wait")
	if err := desk.Has("before etcd was lost"); err != nil {
		t.Error(err)
	}
	if desk.Has("while it was lost") == nil {
		t.Error("a backup of before was brought back, and has what was written later")
	}
	h.Stamp("tenant", "resume", "resting", "--wait")
	h.API.AwaitActive("resting", stampWithin)
}
