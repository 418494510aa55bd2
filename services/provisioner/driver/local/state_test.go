package local_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"stampworks.dev/services/provisioner/driver/local/layout"
)

// TestLostStateIsWrittenAgain: what the supervisor knows of a component on disk is
// gone or damaged. It shows as not running, keeps nothing of the stamp from being
// seen or stopped, and the next Ensure puts it right: the same process runs on.
func TestLostStateIsWrittenAgain(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(file string) error{
		"removed":                os.Remove,
		"emptied":                func(f string) error { return os.Truncate(f, 0) },
		"it is no JSON any more": func(f string) error { return os.WriteFile(f, []byte("{}x"), 0o600) },
		"edited":                 func(f string) error { return os.WriteFile(f, []byte("{}"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := driftTenant(t, open(t, config(t)))
			before := a.observe()
			file := layout.Stamp(a.m.Site.Dir).Component("app").State()
			a.must(change(file))
			if o := a.look(); !o.Exists || o.Components["app"].Running {
				t.Fatalf("observed %+v", o)
			}
			a.must(a.d.Ensure(t.Context(), a.ref, a.m, "app"))
			a.whole(before, true)

			a.must(change(file))
			a.must(a.d.Stop(t.Context(), a.ref, "app"))
			if o := a.observe(); o.Running || slices.ContainsFunc(before.PIDs, alive) {
				t.Errorf("after the stop: %+v", o)
			}
			a.must(change(file)) // of one that is stopped
			a.must(a.d.Ensure(t.Context(), a.ref, a.m, "app"))
			a.whole(before, false)
		})
	}
}

func alive(pid int) bool {
	_, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid)))
	return !errors.Is(err, os.ErrNotExist)
}
