//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/testkit"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/test/e2e/harness"
)

// TestBackupsAreTried: a good backup passes and a damaged one does not, in a copy
// of which nothing is left; the customer is served by the same processes all the
// while.
func TestBackupsAreTried(t *testing.T) {
	h := harness.New(t, harness.Options{})
	h.StartAll()
	awaitCells(t, h, "local")
	api := h.API
	api.Publish("helpdesk-lite", "1.0.0")
	api.Create("acme", harness.Wish("Acme", "helpdesk-lite"))
	tenant := api.AwaitActive("acme", stampWithin)
	desk := harness.Desk{URL: tenant.GetStatus().GetUrl()}
	desk.Open(t, "printer on fire")
	backup := api.Done(http.MethodPost, "/v1/tenants/acme/backups", &provisionerv1.Backup{}, stampWithin).GetBackup()
	before, processes := traces(t, h), pidsOf(t, api, "acme")

	begin := time.Now()
	out := h.Stamp("backup", "verify", "acme", "--wait")
	t.Logf("evidence: tried in %v", time.Since(begin))
	if !strings.Contains(out, "verify of acme done") || !strings.Contains(out, "s ago") {
		t.Errorf("it did not pass:\n%s", out)
	}
	asBefore(t, h, before)

	at := filepath.Join(h.CellDir("local"), "backups", "acme."+tenant.GetUid(), filepath.Base(backup))
	spoil(t, at)
	if out := h.StampFails("backup", "verify", "acme", "--wait"); !strings.Contains(out, "BACKUP_INVALID") || !strings.Contains(out, "damaged") {
		t.Errorf("it does not say why it did not pass:\n%s", out)
	}
	if out := h.Stamp("backup", "list", "acme"); !strings.Contains(out, "BACKUP_INVALID") {
		t.Errorf("the list does not say that it did not pass:\n%s", out)
	}
	asBefore(t, h, before)
	api.Must(desk.Has("printer on fire"))
	if now := pidsOf(t, api, "acme"); !reflect.DeepEqual(now, processes) {
		t.Errorf("the customer's processes were %v and are %v", processes, now)
	}
}

// spoil adds a byte to every file of a kept backup.
func spoil(t *testing.T, dir string) {
	t.Helper()
	spoilt := 0
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "manifest.json" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		spoilt++
		return os.WriteFile(path, append(text, 0), 0o600)
	})
	if err != nil || spoilt == 0 {
		t.Fatalf("%d files of the backup were changed: %v", spoilt, err)
	}
}

// traces is what the machine and etcd have of stamps.
func traces(t *testing.T, h *harness.Plane) map[string]string {
	t.Helper()
	var running []string
	for _, r := range harness.RunningBelow(t, h.CellDir("local")) {
		running = append(running, fmt.Sprint(r.PID))
	}
	dirs, err := filepath.Glob(filepath.Join(h.CellDir("local"), "stamps", "*"))
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]string{"processes": fmt.Sprint(running), "directories": fmt.Sprint(dirs), "users and addresses": h.Allocations("local")}
	for _, prefix := range []string{"stamps/", "trials/", "placements/", "secrets/"} {
		has[prefix] = fmt.Sprint(h.Etcd.Keys("/stampworks/provisioner/" + prefix))
	}
	return has
}

func asBefore(t *testing.T, h *harness.Plane, before map[string]string) {
	t.Helper()
	testkit.Eventually(t, 10*time.Second, func() error {
		if now := traces(t, h); !reflect.DeepEqual(now, before) {
			return fmt.Errorf("there was %v and is %v", before, now)
		}
		return nil
	})
}
