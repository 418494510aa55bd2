// Command health tells which customers are served.
package main

import (
	"context"
	"os"

	"stampworks.dev/pkg/lifecycle"
	"stampworks.dev/pkg/program"
	"stampworks.dev/services/health"
)

func main() {
	os.Exit(program.Main("health", health.Default(),
		func(ctx context.Context, cfg health.Config, d program.Deps) (lifecycle.Service, error) {
			return health.New(ctx, cfg, health.Deps{Log: d.Log, Telemetry: d.Telemetry})
		}))
}
