// Command gateway is the front door: REST, hooks and the fleet's page.
package main

import (
	"context"
	"os"

	"stampworks.dev/pkg/lifecycle"
	"stampworks.dev/pkg/program"
	"stampworks.dev/services/gateway"
)

func main() {
	os.Exit(program.Main("gateway", gateway.Default(),
		func(ctx context.Context, cfg gateway.Config, d program.Deps) (lifecycle.Service, error) {
			return gateway.New(ctx, cfg, gateway.Deps{Log: d.Log, Telemetry: d.Telemetry})
		}))
}
