// Command provisioner makes and keeps the stamps of a cell.
package main

import (
	"context"
	"os"

	"stampworks.dev/pkg/lifecycle"
	"stampworks.dev/pkg/program"
	"stampworks.dev/services/provisioner"
)

func main() {
	os.Exit(program.Main("provisioner", provisioner.Default(),
		func(ctx context.Context, cfg provisioner.Config, d program.Deps) (lifecycle.Service, error) {
			return provisioner.New(ctx, cfg, provisioner.Deps{
				Log: d.Log, Telemetry: d.Telemetry,
				// Every kind of cell that this program can reach.
				Kinds: map[string]provisioner.Kind{"local": provisioner.Local()},
			})
		}))
}
