package provisioner

import (
	"context"
	"log/slog"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local"
)

// Local is the cell that a machine is: one host alone reaches it, so that there
// is nobody to divide its tenants among.
func Local() Kind { return Kind{Open: openLocal, Shards: 1} }

func openLocal(_ context.Context, cfg Config, log *slog.Logger) (driver.Driver, error) {
	return local.New(cfg.Local(), local.Deps{Log: log})
}
