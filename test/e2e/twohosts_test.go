//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/test/e2e/harness"
)

// TestTwoHosts: two hosts in miniature, each a provisioner with its own local
// cell and data directory and a health service that asks its stamps, share the
// tenants. Killing one leaves its stamps
// served and the other host working.
func TestTwoHosts(t *testing.T) {
	t.Parallel()
	h := harness.New(t, harness.Options{Cells: []string{"host-a", "host-b"}})
	h.StartAll()
	awaitCells(t, h, "host-a", "host-b")
	h.API.Publish("helpdesk-lite", "1.0.0")
	tenants := []string{"acme", "globex", "initech", "umbrella"}
	for _, id := range tenants {
		h.API.Create(id, harness.Wish(id, "helpdesk-lite"))
	}
	homes := map[string][]*registryv1.Tenant{}
	for _, id := range tenants {
		tenant := h.API.AwaitActive(id, stampWithin)
		homes[tenant.GetStatus().GetCell()] = append(homes[tenant.GetStatus().GetCell()], tenant)
	}
	if len(homes["cells/host-a"]) != 2 || len(homes["cells/host-b"]) != 2 {
		t.Fatalf("4 tenants were shared like this: %v", slices.Collect(maps.Keys(homes)))
	}
	dirs := []string{h.CellDir("host-a"), h.CellDir("host-b")}
	before := h.API.OnceEach(30*time.Second, tenants, dirs...)
	t.Logf("evidence: 2 tenants on each host, %d components, each in exactly one process", len(before))
	for _, id := range tenants {
		// The gateway knows the first provisioner and the first health service only:
		// what the second has to answer is forwarded, what the other host's health
		// service sees is read. The worker's probe is a command in its place.
		h.API.AwaitHealthy(id, 30*time.Second)
		if lines := logs(t, h, id); !strings.Contains(lines, `"line"`) {
			t.Errorf("no log lines of %s: %.300s", id, lines)
		}
	}
	t.Log("evidence: logs and exec probes of both hosts' stamps through one provisioner")
	oneHostDown(t, h, homes["cells/host-b"])
	h.Start("provisioner-b")
	h.AwaitReady("provisioner-b")
	after := h.API.OnceEach(30*time.Second, append(tenants, "newcomer"), dirs...)
	for name, pid := range before {
		if after[name] != pid {
			t.Errorf("%s was process %d, is %d: it was restarted", name, pid, after[name])
		}
	}
	suspendAndResume(t, h, strings.TrimPrefix(homes["cells/host-b"][0].GetName(), "tenants/"))
	t.Logf("evidence: back again, %d components with the process ids of before, and the host works", len(before))
}

// oneHostDown kills the second provisioner.
func oneHostDown(t *testing.T, h *harness.Plane, theirs []*registryv1.Tenant) {
	t.Helper()
	h.Services["provisioner-b"].Kill()
	testkit.Eventually(t, 45*time.Second, func() error {
		var cell registryv1.Cell
		if err := h.API.Read("/v1/cells/host-b", &cell); err != nil {
			return err
		}
		if cell.GetStatus().GetReachable() {
			return fmt.Errorf("host-b is still said to be reachable")
		}
		return nil
	})
	for _, tenant := range theirs {
		if err := (harness.Desk{URL: tenant.GetStatus().GetUrl()}).Serves(); err != nil {
			t.Errorf("%s is not served without its provisioner: %v", tenant.GetName(), err)
		}
	}
	id := strings.TrimPrefix(theirs[0].GetName(), "tenants/")
	answer := h.API.Send(http.MethodGet, "/v1/tenants/"+id+"/stamp:logs", nil)
	if answer.Status != http.StatusServiceUnavailable {
		t.Errorf("logs of a host that is down are answered %d %.300s", answer.Status, answer.Body)
	}
	h.API.Create("newcomer", harness.Wish("Newcomer", "helpdesk-lite"))
	newcomer := h.API.AwaitActive("newcomer", stampWithin)
	if cell := newcomer.GetStatus().GetCell(); cell != "cells/host-a" {
		t.Errorf("a new tenant went to %s", cell)
	}
	t.Logf("evidence: host-b down: its %d customers served, logs answered %d, a newcomer went to %s", len(theirs), answer.Status, newcomer.GetStatus().GetCell())
}

func suspendAndResume(t *testing.T, h *harness.Plane, id string) {
	t.Helper()
	h.API.Must(h.API.Call(http.MethodPost, "/v1/tenants/"+id+":suspend", &registryv1.SuspendTenantRequest{Name: "tenants/" + id, Reason: "e2e"}, nil))
	tenant := h.API.AwaitState(id, registryv1.Tenant_SUSPENDED, stampWithin)
	if err := (harness.Desk{URL: tenant.GetStatus().GetUrl()}).Serves(); err == nil && tenant.GetStatus().GetUrl() != "" {
		t.Errorf("%s serves while suspended", id)
	}
	h.API.Must(h.API.Call(http.MethodPost, "/v1/tenants/"+id+":resume", &registryv1.ResumeTenantRequest{Name: "tenants/" + id}, nil))
	tenant = h.API.AwaitActive(id, stampWithin)
	if err := (harness.Desk{URL: tenant.GetStatus().GetUrl()}).Serves(); err != nil {
		t.Error(err)
	}
}

// awaitCells waits until cells say what they give out.
func awaitCells(t *testing.T, h *harness.Plane, cells ...string) {
	t.Helper()
	for _, id := range cells {
		testkit.Eventually(t, 30*time.Second, func() error {
			var cell registryv1.Cell
			if err := h.API.Read("/v1/cells/"+id, &cell); err != nil {
				return err
			}
			if !cell.GetStatus().GetReachable() || len(cell.GetStatus().GetAllocatable()) == 0 {
				return fmt.Errorf("%s is not there yet: %v", id, cell.GetStatus())
			}
			return nil
		})
	}
}

// logs reads the last lines of all components.
func logs(t *testing.T, h *harness.Plane, id string) string {
	t.Helper()
	answer := h.API.Send(http.MethodGet, "/v1/tenants/"+id+"/stamp:logs?tail=5", nil, harness.Header{"Accept", harness.Lines})
	if answer.Status != http.StatusOK {
		t.Errorf("logs of %s: %d %.300s", id, answer.Status, answer.Body)
	}
	return string(answer.Body)
}
