//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/test/e2e/harness"
)

// deals that are won while everything is killed, and by how many at once.
const (
	dealsWon = 40
	senders  = 4
	kills    = 4
)

// TestNoDealIsLost: the registry and the gateway are killed again and again
// while deals come in. A CRM that repeats what was not acknowledged loses none,
// and none makes two tenants.
func TestNoDealIsLost(t *testing.T) {
	t.Parallel()
	random := seeded(t)
	d := openDoor(t)
	var sending sync.WaitGroup
	var refused counter
	next := make(chan int)
	for range senders {
		sending.Go(func() {
			for n := range next {
				refused.add(send(t, d, n))
			}
		})
	}
	stop := make(chan struct{})
	var killing sync.WaitGroup
	killing.Go(func() {
		for i := range kills {
			<-time.After(time.Duration(random.IntN(300)) * time.Millisecond)
			name := []string{"tenant-registry", "gateway"}[i%2]
			d.Services[name].Kill()
			d.Start(name)
			d.AwaitListening(name)
		}
		close(stop)
	})
	won := 0
	for open := true; open || won < dealsWon; won++ {
		next <- won
		select {
		case <-stop:
			open = false
		default:
		}
	}
	close(next)
	sending.Wait()
	killing.Wait()
	d.AwaitReady("tenant-registry")
	testkit.Eventually(t, 60*time.Second, func() error { return oneTenantEach(d, won) })
	t.Logf("evidence: %d deals, %d kills of the registry and the gateway, %d requests not acknowledged and repeated: %d tenants", won, kills, refused.n, won)
}

// send posts a deal until it is acknowledged, as a CRM does, and says how often
// it was not.
func send(t *testing.T, d door, n int) (refused int) {
	deal := harness.Deal{Company: fmt.Sprintf("Company %d", n), Blueprint: "helpdesk-lite"}
	deadline := time.After(time.Minute)
	for {
		answer, err := d.crm.Try(deal)
		if err == nil && answer.Status/100 == 2 {
			return refused
		}
		if err == nil && answer.Status != http.StatusServiceUnavailable {
			t.Errorf("deal %d is answered %d %s", n, answer.Status, answer.Body)
		}
		refused++
		select {
		case <-deadline:
			t.Errorf("deal %d was not taken: %d, %v", n, answer.Status, err)
			return refused
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// oneTenantEach is an error unless every deal has exactly one tenant.
func oneTenantEach(d door, deals int) error {
	var list registryv1.ListTenantsResponse
	if err := d.API.Read("/v1/tenants?page_size=1000", &list); err != nil {
		return err
	}
	tenants := map[string]int{}
	for _, tenant := range list.GetTenants() {
		tenants[tenant.GetDeal().GetId()]++
	}
	for n := range deals {
		id := fmt.Sprintf("deal-company-%d", n)
		if tenants[id] != 1 {
			return fmt.Errorf("%s has %d tenants; %d tenants of %d deals", id, tenants[id], len(list.GetTenants()), deals)
		}
	}
	if len(list.GetTenants()) != deals {
		return fmt.Errorf("%d tenants of %d deals", len(list.GetTenants()), deals)
	}
	return nil
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
}
