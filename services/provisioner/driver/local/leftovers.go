package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/firewall"
)

// Leftovers looks, after stamps were destroyed, for what a cell's data
// directory and the kernel still have of them: directories, control groups
// and firewall elements. It asks the machine itself, not what was written
// down. The sites are those that the stamps had.
func Leftovers(dataDir string, sites []driver.Site) ([]string, error) {
	instance, err := instanceID(dataDir)
	if err != nil {
		return nil, err
	}
	var left []string
	for _, pattern := range []string{
		filepath.Join(dataDir, "stamps", "*"),
		filepath.Join("/sys/fs/cgroup/stampworks", instance[:8]+"-*"),   // v2
		filepath.Join("/sys/fs/cgroup/*/stampworks", instance[:8]+"-*"), // v1
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("look for leftovers: %w", err)
		}
		left = append(left, found...)
	}
	for _, s := range sites {
		rules, err := leftRules(s)
		if err != nil && !errors.Is(err, os.ErrPermission) {
			return nil, err
		}
		if rules > 0 {
			left = append(left, fmt.Sprintf("%d firewall elements of user %d", rules, s.UserID))
		}
		if _, err := os.Stat(s.Dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
			left = append(left, s.Dir)
		}
	}
	return left, nil
}

// leftRules counts the firewall elements of a site that had a user of its own.
func leftRules(s driver.Site) (int, error) {
	if s.UserID == 0 {
		return 0, nil
	}
	owner := firewall.Owner{User: s.UserID}
	for _, b := range s.Binds {
		owner.Ports = append(owner.Ports, b.Port)
		if owner.Address == "" && b.Listen != "127.0.0.1" {
			owner.Address = b.Host
		}
	}
	return firewall.Holds(owner)
}
