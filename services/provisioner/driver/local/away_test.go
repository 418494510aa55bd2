package local_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"stampworks.dev/services/provisioner/driver/local/process"
)

// TestAStampThatWasAway is ended while its directory is somewhere else. When that
// is back it runs again, also without what a careful copy leaves out.
func TestAStampThatWasAway(t *testing.T) {
	t.Parallel()
	d := open(t, config(t))
	a := driftTenant(t, d)
	before := a.observe()
	away := filepath.Join(t.TempDir(), "acme")
	a.must(os.Rename(a.m.Site.Dir, away))
	waitFor(t, func() error {
		if id, err := process.Of(before.PIDs[0]); err == nil && id.Alive() {
			return errors.New("it still runs")
		}
		return nil
	})
	a.must(os.RemoveAll(filepath.Join(away, "components", "app", "tmp")))
	a.must(os.Rename(away, a.m.Site.Dir))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = d.Run(ctx) }()
	a.whole(before, false)
	if o := a.observe(); o.Restarts != before.Restarts+1 {
		t.Errorf("restarts: %d, before %d", o.Restarts, before.Restarts)
	}
}

// TestAComponentWithoutTmp starts again by itself, and its own /tmp is there.
func TestAComponentWithoutTmp(t *testing.T) {
	t.Parallel()
	a := driftTenant(t, open(t, config(t)))
	before := a.observe()
	tmp := filepath.Join(a.m.Site.Dir, "components", "app", "tmp")
	a.must(os.RemoveAll(tmp))
	if o := a.observe(); len(o.Missing) != 1 {
		t.Fatalf("observed %+v", o)
	}
	p, err := os.FindProcess(before.PIDs[0])
	a.must(err)
	a.must(p.Kill())
	a.whole(before, false)
}
