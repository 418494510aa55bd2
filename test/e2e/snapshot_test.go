//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/testkit"
	"stampworks.dev/test/e2e/harness"
)

// TestSnapshotRestored: etcd is lost, and comes back from a snapshot that is
// older than the world: a customer came since, another was upgraded, a backup was
// made. The procedure of docs/operating.md loses none of it, and restarts nothing
// by itself.
func TestSnapshotRestored(t *testing.T) {
	t.Parallel()
	h := harness.New(t, harness.Options{})
	h.StartAll()
	awaitCells(t, h, "local")
	h.API.Publish("helpdesk-lite", "1.0.0")
	h.API.Publish("helpdesk-lite", "1.1.0")
	for _, id := range []string{"acme", "globex"} {
		h.API.Create(id, harness.Wish(strings.ToUpper(id[:1])+id[1:], "helpdesk-lite/revisions/1.0.0"))
	}
	h.API.AwaitActive("acme", stampWithin)
	desk := harness.Desk{URL: h.API.AwaitActive("globex", stampWithin).GetStatus().GetUrl()}
	desk.Open(t, "before the snapshot")
	snapshot := filepath.Join(h.Dir, "etcd.snapshot")
	h.Etcd.Save(snapshot)

	h.API.Create("initech", harness.Wish("Initech", "helpdesk-lite/revisions/1.0.0"))
	initech := h.API.AwaitActive("initech", stampWithin)
	h.Stamp("tenant", "upgrade", "globex", "1.1.0", "--wait")
	h.Stamp("backup", "create", "acme", "--wait")
	all := []string{"acme", "globex", "initech"}
	before := processes(t, h, all)

	for _, s := range h.Services {
		s.Kill()
	}
	h.Etcd.Kill()
	h.Etcd.Restore(snapshot)
	h.Etcd.Start()
	h.Etcd.Await()
	h.StartAll()
	awaitCells(t, h, "local")
	awaitObstacle(t, h, "globex", "RECORDS_OLDER")
	said := h.StampFails("recover", "--restored", "--wait")
	for _, line := range []string{"acme: ALREADY_THERE: ", "globex: STAMP_IS_NEWER: ", "initech: MADE_AGAIN: "} {
		if !strings.Contains(said, line) {
			t.Fatalf("recover says\n%s\nwithout %q", said, line)
		}
	}
	if again := h.API.AwaitActive("initech", stampWithin); again.GetUid() != initech.GetUid() {
		t.Errorf("initech was %v, is %v", initech, again)
	}
	for name, pid := range processes(t, h, all) {
		if before[name] != pid {
			t.Errorf("%s was process %d, is %d: it was restarted", name, before[name], pid)
		}
	}
	if said := h.Stamp("backup", "create", "acme", "--wait"); !strings.Contains(said, "backup-2") {
		t.Errorf("the next backup is\n%s", said)
	}
	h.Stamp("tenant", "upgrade", "globex", "1.1.0", "--wait")
	if now := h.API.AwaitActive("globex", stampWithin).GetStatus(); !strings.HasSuffix(now.GetRevision(), "/1.1.0") {
		t.Errorf("globex is %v", now)
	}
	if err := desk.Has("before the snapshot"); err != nil {
		t.Error(err)
	}
	h.Stamp("recover")
	t.Logf("evidence: etcd restored from a snapshot older than a stamping, an upgrade and a backup: all kept, %d processes untouched", len(before))
}

// awaitObstacle waits until a stamp says what is in its way.
func awaitObstacle(t *testing.T, h *harness.Plane, id, code string) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, func() error {
		stamp, err := h.API.Stamp(id)
		if err != nil {
			return err
		}
		for _, o := range stamp.GetObstacles() {
			if o.GetCode() == code {
				return nil
			}
		}
		return fmt.Errorf("%s has the obstacles %v, want %s", id, stamp.GetObstacles(), code)
	})
}

// TestMovedToAnotherMachine: every folder and the snapshot are copied to the same
// paths, as to another machine, and nothing else is there any more.
func TestMovedToAnotherMachine(t *testing.T) {
	t.Parallel()
	h := harness.New(t, harness.Options{})
	h.StartAll()
	awaitCells(t, h, "local")
	h.API.Publish("helpdesk-lite", "1.0.0")
	h.API.Create("acme", harness.Wish("Acme", "helpdesk-lite"))
	acme := h.API.AwaitActive("acme", stampWithin)
	desk := harness.Desk{URL: acme.GetStatus().GetUrl()}
	desk.Open(t, "before the move")
	snapshot := filepath.Join(h.Dir, "etcd.snapshot")

	for _, s := range h.Services {
		s.Kill()
	}
	harness.EndStamps(t, h.CellDir("local"))
	h.Etcd.Save(snapshot)
	h.Etcd.Kill()
	old := h.Dir + "-old"
	t.Cleanup(func() { _ = os.RemoveAll(old) }) // it is not there any more, unless this failed
	if err := os.Rename(h.Dir, old); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", old, h.Dir).CombinedOutput(); err != nil {
		t.Fatalf("copy: %v\n%s", err, out)
	}
	if err := os.RemoveAll(old); err != nil {
		t.Fatal(err)
	}
	h.Etcd.Restore(snapshot)
	h.Etcd.Start()
	h.Etcd.Await()
	h.StartAll()
	awaitCells(t, h, "local")
	testkit.Eventually(t, 30*time.Second, func() error { return desk.Has("before the move") })
	moved := h.API.AwaitActive("acme", stampWithin)
	if moved.GetUid() != acme.GetUid() || moved.GetStatus().GetUrl() != desk.URL {
		t.Errorf("acme was %v, is %v", acme, moved)
	}
	h.Stamp("tenant", "suspend", "acme", "--wait")
	h.Stamp("tenant", "resume", "acme", "--wait")
	if err := desk.Has("before the move"); err != nil {
		t.Error(err)
	}
	t.Logf("evidence: all folders copied and etcd restored from its snapshot: acme serves at %s as before", desk.URL)
}
