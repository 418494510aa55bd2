// Command tenant-registry keeps what we want for each customer.
package main

import (
	"context"
	"os"

	"stampworks.dev/pkg/lifecycle"
	"stampworks.dev/pkg/program"
	tenantregistry "stampworks.dev/services/tenant-registry"
)

func main() {
	os.Exit(program.Main("tenant-registry", tenantregistry.Default(),
		func(ctx context.Context, cfg tenantregistry.Config, d program.Deps) (lifecycle.Service, error) {
			return tenantregistry.New(ctx, cfg, tenantregistry.Deps{Log: d.Log, Telemetry: d.Telemetry})
		}))
}
