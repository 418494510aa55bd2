package health

import (
	"context"
	"fmt"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
)

// namedUnplaced is how many customers without a copy are named.
const namedUnplaced = 10

// tellUnplaced names the customers who are meant to be served and have no copy
// at all: the health service knows of copies alone.
func tellUnplaced(ctx context.Context, o *options, fleet *healthv1.FleetHealth) error {
	all := &registryv1.ListTenantsResponse{}
	if err := client.List(ctx, o.client, "/v1/tenants", nil, true, all); err != nil {
		o.Say("not shown: who has no copy yet: %v", err)
		return ctx.Err()
	}
	placed := map[string]bool{}
	for _, h := range fleet.GetTenants() {
		placed[names.Tenant(tenantOf(h))] = true
	}
	var rows [][]string
	for _, t := range all.GetTenants() {
		if !placed[t.GetName()] && served(t) {
			rows = append(rows, []string{names.Short(t.GetName()), t.GetState().String(), whyUnplaced(t)})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintf(o.Out, "Without a copy, and not counted above: %d\n", len(rows))
	for _, line := range printer.Align("  ", rows[:min(namedUnplaced, len(rows))]) {
		fmt.Fprintln(o.Out, line)
	}
	if more := len(rows) - namedUnplaced; more > 0 {
		fmt.Fprintf(o.Out, "  and %d more; see them with: stamp tenant list --filter 'state = \"CREATING\" OR state = \"FAILED\"'\n", more)
	}
	return nil
}

// served says whether a tenant is meant to be served.
func served(t *registryv1.Tenant) bool {
	return !t.GetSuspended() && t.GetDeleteTime() == nil
}

func whyUnplaced(t *registryv1.Tenant) string {
	if f := t.GetStatus().GetFailure(); f != nil && t.GetState() == registryv1.Tenant_FAILED {
		return f.GetMessage()
	}
	for _, ob := range t.GetStatus().GetObstacles() {
		return ob.GetMessage()
	}
	return "waits for a cell"
}
