package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// Manifests gives what every stamp of the data directory was last wished to be,
// as its supervisor has it on disk: what a control plane that lost everything
// is rebuilt from.
func (d *Driver) Manifests(ctx context.Context) ([]driver.Manifest, error) {
	files, err := filepath.Glob(filepath.Join(d.cfg.DataDir, "stamps", "*", "manifest.json"))
	if err != nil {
		return nil, fmt.Errorf("list stamps: %w", err)
	}
	var all []driver.Manifest
	var failed error
	for _, file := range files {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r, err := control.ReadRecord(layout.Stamp(filepath.Dir(file)))
		switch {
		case err != nil:
			failed = errors.Join(failed, err)
		case !r.Ending && r.Wish.UID != "":
			all = append(all, r.Wish)
		}
	}
	slices.SortFunc(all, driver.Manifest.Compare)
	return all, failed
}
