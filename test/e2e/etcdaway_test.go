//go:build e2e

package e2e

import (
	"testing"
	"time"

	"stampworks.dev/pkg/testkit"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/test/e2e/harness"
)

// etcdAway is longer than a claim's lease.
const etcdAway = 15 * time.Second

// TestEtcdAway: etcd is away in the middle of stamping, for longer than a claim
// lasts. Customers notice nothing, no service gives up, and afterwards
// everything is as it was wished.
func TestEtcdAway(t *testing.T) {
	t.Parallel()
	h := harness.New(t, harness.Options{})
	h.StartAll()
	awaitCells(t, h, "local")
	h.API.Publish("helpdesk-lite", "1.0.0")
	h.API.Create("acme", harness.Wish("Acme", "helpdesk-lite"))
	acme := h.API.AwaitActive("acme", stampWithin)
	before := h.API.OnceEach(30*time.Second, []string{"acme"}, h.CellDir("local"))

	h.API.Create("globex", harness.Wish("Globex", "helpdesk-lite"))
	h.API.Create("initech", harness.Wish("Initech", "helpdesk-lite"))
	awaitRunning(t, h.API, "operations/globex.1")
	h.Etcd.Kill()
	asked := askFor(t, etcdAway, harness.Desk{URL: acme.GetStatus().GetUrl()})
	for name, s := range h.Services {
		if err := s.Alive(); err != nil {
			t.Errorf("%s gave up: %v", name, err)
		}
	}
	h.Etcd.Start()
	h.Etcd.Await()
	begin := time.Now()
	for _, id := range []string{"globex", "initech"} {
		tenant := h.API.AwaitActive(id, stampWithin)
		if err := (harness.Desk{URL: tenant.GetStatus().GetUrl()}).Serves(); err != nil {
			t.Error(err)
		}
	}
	took := time.Since(begin)
	all := []string{"acme", "globex", "initech"}
	after := h.API.OnceEach(30*time.Second, all, h.CellDir("local"))
	for name, pid := range before {
		if after[name] != pid {
			t.Errorf("%s was process %d, is %d: it was restarted", name, pid, after[name])
		}
	}
	for _, id := range all {
		h.API.AwaitHealthy(id, 30*time.Second)
	}
	t.Logf("evidence: etcd away for %v: %d of %d requests of a customer served; the others ACTIVE %v after it came back; no restarts",
		etcdAway, asked, asked, took)
}

// awaitRunning waits until an operation has begun.
func awaitRunning(t *testing.T, api *harness.API, name string) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, func() error {
		_, meta, err := api.Operation(name)
		if err == nil && meta.GetState() == typev1.OperationMetadata_QUEUED {
			err = errQueued
		}
		return err
	})
}

// askFor asks a customer's address all the while, and counts.
func askFor(t *testing.T, limit time.Duration, desk harness.Desk) int {
	t.Helper()
	end := time.After(limit)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for asked := 0; ; asked++ {
		if err := desk.Serves(); err != nil {
			t.Errorf("request %d: %v", asked, err)
		}
		select {
		case <-end:
			return asked + 1
		case <-tick.C:
		}
	}
}
