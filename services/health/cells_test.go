package health

import (
	"fmt"
	"strings"
	"testing"
	"time"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/testkit"
)

const down = "Acme Rockets is down: app does not answer (HTTP 502)."

// store is a connection of the test's own.
func (p *plant) store(t *testing.T) *etcd.Backend {
	t.Helper()
	b, err := etcd.New(t.Context(), etcd.Config{Endpoints: p.etcd}, etcd.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// holders says who holds the shards, by shard.
func (p *plant) holders(t *testing.T, b store.Backend) map[string]string {
	t.Helper()
	page, err := b.List(t.Context(), store.ListQuery{Prefix: p.prefix + "claims/"})
	if err != nil {
		t.Fatal(err)
	}
	holders := map[string]string{}
	for _, kv := range page.Items {
		holders[strings.TrimPrefix(kv.Key, p.prefix+"claims/")] = string(kv.Value)
	}
	return holders
}

// Two replicas that reach one cell: one asks, both answer, and when the first is
// gone the other goes on where it was: an outage stays one throughout.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	desk := newCustomer(t)
	site := newPlant(t, &provisioner{stamps: []*provisionerv1.Stamp{stampOf(desk.url)}})
	kept := site.store(t)
	asking, stop := site.run(t, "one")
	await(t, asking, typev1.HealthState_HEALTHY, up)
	other, _ := site.run(t, "two")
	await(t, other, typev1.HealthState_HEALTHY, up)
	desk.broken.Store(true)
	await(t, other, typev1.HealthState_UNHEALTHY, down)
	if fleet, err := other.GetFleetHealth(t.Context(), &healthv1.GetFleetHealthRequest{}); err != nil || fleet.GetCounts()["UNHEALTHY"] != 1 {
		t.Errorf("the fleet as the other tells it: %v, %v", fleet, err)
	}
	if holders := site.holders(t, kept); len(holders) != 1 || holders["local/0"] != "one" {
		t.Errorf("held by %v", holders)
	}
	stop()
	testkit.Eventually(t, 30*time.Second, func() error {
		h, err := other.GetTenantHealth(t.Context(), &healthv1.GetTenantHealthRequest{Name: "tenants/acme/health"})
		if err != nil {
			return err
		}
		if h.GetState() != typev1.HealthState_UNHEALTHY {
			t.Errorf("while it is taken over it is said to be %v", h)
		}
		if f := h.GetEndpoint().GetConsecutiveFailures(); f < 4 || site.holders(t, kept)["local/0"] != "two" {
			return fmt.Errorf("%d failures are remembered, %v asks", f, site.holders(t, kept))
		}
		return nil
	})
	desk.broken.Store(false)
	await(t, other, typev1.HealthState_HEALTHY, up)
}

// Two hosts: each asks its own stamps, and tells of both. A cell that nobody
// reaches is told of, too.
func TestEachAsksItsOwnCell(t *testing.T) {
	t.Parallel()
	desk, far := newCustomer(t), newCustomer(t)
	globex, initech := stampOf(far.url), stampOf(far.url)
	globex.Name, globex.DisplayName, globex.Cell = "tenants/globex/stamp", "Globex", "cells/far"
	initech.Name, initech.DisplayName, initech.Cell = "tenants/initech/stamp", "Initech", "cells/nowhere"
	site := newPlant(t, &provisioner{stamps: []*provisionerv1.Stamp{stampOf(desk.url), globex, initech}})
	kept := site.store(t)
	near, _ := site.run(t, "one")
	second, stop := site.runIn(t, "two", "far")
	await(t, near, typev1.HealthState_HEALTHY, up)
	for _, client := range []healthv1.HealthServiceClient{near, second} {
		testkit.Eventually(t, 20*time.Second, func() error {
			fleet, err := client.GetFleetHealth(t.Context(), &healthv1.GetFleetHealthRequest{})
			if err != nil {
				return err
			}
			if c := fleet.GetCounts(); c["HEALTHY"] != 2 || c["UNKNOWN"] != 1 || len(fleet.GetTenants()) != 3 {
				return fmt.Errorf("the fleet: %v", fleet)
			}
			if got := fleet.GetTroubled()[0].GetSummary(); got != "Initech is not known to be up: no health service reaches its cell, nowhere." {
				return fmt.Errorf("of a cell that nobody reaches: %s", got)
			}
			return nil
		})
	}
	if holders := site.holders(t, kept); len(holders) != 2 || holders["local/0"] != "one" || holders["far/0"] != "two" {
		t.Errorf("held by %v", holders)
	}
	stop()
	far.broken.Store(true) // nobody sees it
	h, err := near.GetTenantHealth(t.Context(), &healthv1.GetTenantHealthRequest{Name: "tenants/globex/health"})
	if err != nil || h.GetState() != typev1.HealthState_HEALTHY || len(site.holders(t, kept)) != 1 {
		t.Errorf("just after its host went: %v, %v; held %v", h, err, site.holders(t, kept))
	}
}

// A cluster's stamps are divided among all that reach it.
func TestShardsOfAClusterAreShared(t *testing.T) {
	t.Parallel()
	desk := newCustomer(t)
	var stamps []*provisionerv1.Stamp
	const tenants = 20
	for i := range tenants {
		s := stampOf(desk.url)
		s.Name = fmt.Sprintf("tenants/t%d/stamp", i)
		stamps = append(stamps, s)
	}
	site := newPlant(t, &provisioner{stamps: stamps})
	kept := site.store(t)
	site.kind = "kubernetes"
	_, stop := site.run(t, "one")
	second, _ := site.run(t, "two")
	third, _ := site.run(t, "three")
	all := func(want string) {
		t.Helper()
		for _, client := range []healthv1.HealthServiceClient{second, third} {
			testkit.Eventually(t, 30*time.Second, func() error {
				fleet, err := client.GetFleetHealth(t.Context(), &healthv1.GetFleetHealthRequest{})
				if err == nil && fleet.GetCounts()[want] != tenants {
					err = fmt.Errorf("the fleet: %v", fleet.GetCounts())
				}
				return err
			})
		}
	}
	all("HEALTHY")
	stop()
	testkit.Eventually(t, 30*time.Second, func() error {
		by := map[string]int{}
		for _, name := range site.holders(t, kept) {
			by[name]++
		}
		if by["two"]+by["three"] != 16 || by["two"] == 0 || by["three"] == 0 {
			return fmt.Errorf("held by %v, want all 16, some by each", by)
		}
		return nil
	})
	desk.broken.Store(true)
	all("UNHEALTHY")
}
