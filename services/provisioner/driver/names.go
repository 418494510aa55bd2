package driver

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

var (
	tenantName    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	uidName       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,63}$`)
	componentName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	fileName      = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
	envName       = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,255}$`)
)

// Check refuses a reference whose parts could not be one path element: names
// come from customers, and end up in paths.
func (r Ref) Check() error {
	if !tenantName.MatchString(r.Tenant) {
		return fmt.Errorf("check tenant %.80q: want 1 to 63 of [a-z0-9-], not beginning or ending with -", r.Tenant)
	}
	if !uidName.MatchString(r.UID) {
		return fmt.Errorf("check uid %.80q: want 1 to 64 of [A-Za-z0-9-]", r.UID)
	}
	return nil
}

// CheckComponent refuses a component name that is not [a-z][a-z0-9_-]*, at
// most 63 characters. Names of volumes and artifacts keep the same rule.
func CheckComponent(name string) error {
	if !componentName.MatchString(name) {
		return fmt.Errorf("check name %.80q: want 1 to 63 of [a-z0-9_-], beginning with a letter", name)
	}
	return nil
}

// Check refuses a job whose ID could not be a file's name.
func (j Job) Check() error {
	if !fileName.MatchString(j.ID) {
		return fmt.Errorf("check job %.80q: want 1 to 128 of [A-Za-z0-9._-]", j.ID)
	}
	if len(j.Command) == 0 {
		return fmt.Errorf("check job %q: no command", j.ID)
	}
	return checkEnv(j.Env)
}

// Check refuses a component that could reach outside its own directory by the
// names of its files and volumes, or that has no command.
func (c Component) Check() error {
	if len(c.Command) == 0 {
		return fmt.Errorf("check component: no command")
	}
	if err := CheckComponent(c.Artifact); err != nil {
		return fmt.Errorf("check artifact: %w", err)
	}
	for name := range c.Files {
		if !fileName.MatchString(name) {
			return fmt.Errorf("check file %.80q: want 1 to 128 of [A-Za-z0-9._-]", name)
		}
	}
	for _, name := range c.Volumes {
		if err := CheckComponent(name); err != nil {
			return fmt.Errorf("check volume: %w", err)
		}
	}
	for _, lock := range c.Locks {
		volume, file, _ := strings.Cut(lock, "/")
		if !slices.Contains(c.Volumes, volume) || !fs.ValidPath(file) || file == "." {
			return fmt.Errorf("check lock %.80q: want a file in a volume of the component", lock)
		}
	}
	return errors.Join(checkEnv(c.Env), checkEnv(c.Telemetry))
}

func checkEnv(env map[string]string) error {
	for name := range env {
		if !envName.MatchString(name) {
			return fmt.Errorf("check environment: bad name %.80q", name)
		}
	}
	return nil
}
