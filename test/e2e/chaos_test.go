//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/test/e2e/harness"
)

const (
	// chaosLite and chaosFull are how many customers are on SQLite and on
	// PostgreSQL.
	chaosLite, chaosFull = 45, 5
	// chaosWithin is how long each phase may take.
	chaosWithin = 4 * time.Minute
	// chaosAway is how long etcd is away, once.
	chaosAway = 30 * time.Second
)

// TestChaos: fifty customers are stamped, upgraded, deleted and purged, while
// provisioner, registry and supervisors are killed all the time, and etcd is
// away once. Each phase ends as wished, each component runs exactly once, and
// in the end nothing is left.
func TestChaos(t *testing.T) {
	h := harness.New(t, harness.Options{})
	h.StartAll()
	awaitCells(t, h, "local")
	tenants := chaosTenants(t, h)
	cell := h.CellDir("local")
	phase := func(name string, etcdAway bool, wish func(id string), done func(id string)) {
		begin := time.Now()
		killed := chaos(t, h, etcdAway, func() {
			for id := range tenants {
				wish(id)
			}
			for id := range tenants {
				done(id)
			}
		})
		t.Logf("evidence: %s: %d customers in %v, killed %v", name, len(tenants), time.Since(begin).Round(time.Second), killed)
	}
	ids := func() (all []string) {
		for id := range tenants {
			all = append(all, id)
		}
		return all
	}()

	phase("stamped", true, func(id string) {
		h.API.Insist(http.MethodPost, "/v1/tenants?request_id=chaos-"+id+"&tenant_id="+id, harness.Wish(id, tenants[id]+"/revisions/1.0.0"))
	}, func(id string) { h.API.AwaitActive(id, chaosWithin) })
	h.API.OnceEach(time.Minute, ids, cell)

	phase("upgraded", false, func(id string) {
		h.API.Insist(http.MethodPatch, "/v1/tenants/"+id+"?update_mask=blueprint", &registryv1.Tenant{Blueprint: "blueprints/" + tenants[id] + "/revisions/1.1.0"})
	}, func(id string) {
		tenant := h.API.AwaitActive(id, chaosWithin)
		if !strings.HasSuffix(tenant.GetStatus().GetRevision(), "/1.1.0") {
			t.Errorf("%s is ACTIVE on %s: %v", id, tenant.GetStatus().GetRevision(), tenant.GetStatus().GetObstacles())
		}
	})
	h.API.OnceEach(time.Minute, ids, cell)

	purges := 0
	phase("purged", false, func(id string) {
		h.API.Insist(http.MethodDelete, "/v1/tenants/"+id+"?allow_missing=true", nil)
	}, func(id string) {
		deleted := h.API.AwaitState(id, registryv1.Tenant_DELETED, chaosWithin)
		if o := deleted.GetStatus().GetObstacles(); len(o) > 0 {
			t.Fatalf("%s is deleted without its last backup: %v", id, o)
		}
		purges++
		h.API.Purge(id, &registryv1.PurgeTenantRequest{ConfirmCount: int32(purges)})
		testkit.Eventually(t, chaosWithin, func() error { return h.API.Gone(id) })
	})
	nothingLeft(t, h)
}

// chaos kills one program after another with -9, at intervals of 3 to 15 s, until
// the work is done, and gives how often each was.
func chaos(t *testing.T, h *harness.Plane, etcdAway bool, work func()) map[string]int {
	t.Helper()
	random, killed := seeded(t), map[string]int{}
	done := make(chan struct{})
	var killing sync.WaitGroup
	killing.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(3*time.Second + time.Duration(random.Int64N(int64(12*time.Second)))):
			}
			name := []string{"provisioner", "tenant-registry", "supervisor", "supervisor"}[random.IntN(4)]
			killed[name]++
			if name == "supervisor" {
				killSupervisor(t, h, random.IntN)
				continue
			}
			h.Services[name].Kill()
			h.Start(name)
		}
	})
	if etcdAway {
		killing.Go(func() {
			<-time.After(5 * time.Second)
			h.Etcd.Kill()
			<-time.After(chaosAway)
			h.Etcd.Start()
		})
	}
	func() { // nothing is killed, or started, after a test that fails in its work
		defer killing.Wait()
		defer close(done)
		work()
	}()
	h.AwaitReady("provisioner", "tenant-registry")
	return killed
}

// killSupervisor ends the supervisor of some stamp.
func killSupervisor(t *testing.T, h *harness.Plane, pick func(int) int) {
	t.Helper()
	var supervisors []harness.Running
	for _, r := range harness.RunningBelow(t, h.CellDir("local")) {
		if r.Supervisor() {
			supervisors = append(supervisors, r)
		}
	}
	if len(supervisors) > 0 {
		supervisors[pick(len(supervisors))].Kill()
	}
}

// chaosTenants publishes both products and gives the customers with theirs.
func chaosTenants(t *testing.T, h *harness.Plane) map[string]string {
	t.Helper()
	tenants := map[string]string{}
	full := sample(t, h.API)
	for _, product := range []string{"helpdesk-lite", full} {
		for _, revision := range []string{"1.0.0", "1.1.0"} {
			h.API.Publish(product, revision, small)
		}
	}
	for i := range chaosLite {
		tenants[fmt.Sprintf("lite-%d", i)] = "helpdesk-lite"
	}
	for i := range chaosFull {
		tenants[fmt.Sprintf("full-%d", i)] = full
	}
	return tenants
}

var volume = regexp.MustCompile(`data: [0-9]+[GM]i`)

// small lets fifty customers fit on any machine's disk.
func small(blueprint string) string { return volume.ReplaceAllString(blueprint, "data: 64Mi") }

// nothingLeft looks for what a stamp leaves when it is not all destroyed.
func nothingLeft(t *testing.T, h *harness.Plane) {
	t.Helper()
	cell := h.CellDir("local")
	testkit.Eventually(t, time.Minute, func() error {
		if running := harness.RunningBelow(t, cell); len(running) > 0 {
			return fmt.Errorf("processes are left: %v", running)
		}
		stamps, err := os.ReadDir(filepath.Join(cell, "stamps"))
		if err != nil || len(stamps) > 0 {
			return fmt.Errorf("directories are left: %v, %w", stamps, err)
		}
		return nil
	})
	if given := h.Allocations("local"); given != "" {
		t.Errorf("the host still counts %s", given)
	}
	for _, prefix := range []string{"stamps/", "placements/", "secrets/", "backups/", "trials/"} {
		if keys := h.Etcd.Keys("/stampworks/provisioner/" + prefix); len(keys) > 0 {
			t.Errorf("etcd still has %v", keys)
		}
	}
}
