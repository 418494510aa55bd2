package provisioner

import (
	"context"
	"log/slog"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local"
)

// OpenLocal opens the cell that this machine is.
func OpenLocal(_ context.Context, cfg Config, log *slog.Logger) (driver.Driver, error) {
	return local.New(cfg.Local(), local.Deps{Log: log})
}
