package local

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// Manifests gives what every stamp of a data directory was last wished to be,
// as its supervisor has it on disk: what a control plane that lost everything
// is rebuilt from. Stamps that are being destroyed are left out; those that
// cannot be read are named in the error, beside the others.
func Manifests(dataDir string) ([]driver.Manifest, error) {
	files, err := filepath.Glob(filepath.Join(dataDir, "stamps", "*", "manifest.json"))
	if err != nil {
		return nil, fmt.Errorf("list stamps: %w", err)
	}
	var all []driver.Manifest
	var failed error
	for _, file := range files {
		r, err := control.ReadRecord(layout.Stamp(filepath.Dir(file)))
		switch {
		case err != nil:
			failed = errors.Join(failed, err)
		case !r.Ending && r.Wish.UID != "":
			all = append(all, r.Wish)
		}
	}
	slices.SortFunc(all, func(a, b driver.Manifest) int { return cmp.Compare(a.Tenant, b.Tenant) })
	return all, failed
}
