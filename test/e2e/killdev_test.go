//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/test/e2e/harness"
)

// killsPerRound is how often `stamp dev` is killed before it may finish.
const killsPerRound = 2

// TestKillDevInTheMiddle: kill -9 of `stamp dev` while it stamps five tenants;
// started again on the same data, all five become ACTIVE, each component
// exactly once.
func TestKillDevInTheMiddle(t *testing.T) {
	random := seeded(t)
	for round := range 3 {
		var moments []time.Duration
		for range killsPerRound {
			moments = append(moments, time.Duration(50+random.IntN(1500))*time.Millisecond)
		}
		t.Run(fmt.Sprintf("round %d", round+1), func(t *testing.T) { killAt(t, moments) })
	}
}

func killAt(t *testing.T, moments []time.Duration) {
	dev := harness.NewDev(t)
	dev.Start()
	product := sample(t, dev.API)
	dev.API.Publish(product, "1.0.0")
	var tenants []string
	for _, name := range []string{"Acme", "Globex", "Initech", "Umbrella", "Hooli"} {
		id := harness.Slug(name)
		dev.API.Create(id, harness.Wish(name, product))
		tenants = append(tenants, id)
	}
	for _, moment := range moments {
		<-time.After(moment) // the moment is the point: nothing is waited for
		before := states(t, dev.API)
		dev.Kill()
		running := len(harness.RunningBelow(t, dev.CellDir()))
		t.Logf("evidence: killed after %v: %v, %d processes of stamps left running", moment, before, running)
		dev.Start()
	}
	begin := time.Now()
	for _, id := range tenants {
		tenant := dev.API.AwaitActive(id, 2*stampWithin)
		if err := (harness.Desk{URL: tenant.GetStatus().GetUrl()}).Serves(); err != nil {
			t.Errorf("%s is ACTIVE: %v", id, err)
		}
	}
	took := time.Since(begin)
	pids := dev.API.OnceEach(30*time.Second, tenants, dev.CellDir())
	t.Logf("evidence: all %d ACTIVE %v after the last start, %d components, each in exactly one process", len(tenants), took, len(pids))
}

// states counts tenants by state.
func states(t *testing.T, api *harness.API) map[registryv1.Tenant_State]int {
	t.Helper()
	var list registryv1.ListTenantsResponse
	api.Must(api.Read("/v1/tenants", &list))
	count := map[registryv1.Tenant_State]int{}
	for _, tenant := range list.GetTenants() {
		count[tenant.GetState()]++
	}
	return count
}
