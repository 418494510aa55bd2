//go:build e2e

package e2e

import (
	"testing"
	"time"

	"stampworks.dev/test/e2e/harness"
)

// TestKillServicesInTheMiddle: while four tenants are stamped, one program
// after another is killed and started again, etcd too. All four become ACTIVE,
// each component exactly once.
func TestKillServicesInTheMiddle(t *testing.T) {
	random := seeded(t)
	h := harness.New(t, harness.Options{})
	h.StartAll()
	product := sample(t, h.API)
	h.API.Publish(product, "1.0.0")
	tenants := []string{"acme", "globex", "initech", "umbrella"}
	for _, id := range tenants {
		h.API.Create(id, harness.Wish(id, product))
	}
	victims := []string{"provisioner", "tenant-registry", "health", "etcd", "provisioner"}
	random.Shuffle(len(victims), func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
	for _, name := range victims {
		moment := time.Duration(random.IntN(400)) * time.Millisecond
		<-time.After(moment) // the moment is the point: nothing is waited for
		running := len(harness.RunningBelow(t, h.CellDir("local")))
		if name == "etcd" {
			h.Etcd.Kill()
			h.Etcd.Start()
			h.Etcd.Await()
		} else {
			h.Services[name].Kill()
			h.Start(name)
			h.AwaitListening(name)
		}
		t.Logf("evidence: killed %s after %v more, with %d processes of stamps running", name, moment, running)
	}
	begin := time.Now()
	for _, id := range tenants {
		tenant := h.API.AwaitActive(id, 2*stampWithin)
		if err := (harness.Desk{URL: tenant.GetStatus().GetUrl()}).Serves(); err != nil {
			t.Errorf("%s is ACTIVE: %v", id, err)
		}
	}
	took := time.Since(begin)
	pids := h.API.OnceEach(30*time.Second, tenants, h.CellDir("local"))
	t.Logf("evidence: all %d ACTIVE %v later, %d components, each in exactly one process", len(tenants), took, len(pids))
}
