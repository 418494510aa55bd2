package provisioner_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/testkit"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/provisioner"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
)

// TestASecondProvisionerOnADataDirectory is refused before it touches the cell, and
// takes nothing from the first: whatever it calls itself. When the first has ended,
// it begins where that stopped.
func TestASecondProvisionerOnADataDirectory(t *testing.T) {
	p, cell := newPlant(t), memory.New(memory.Config{})
	var opened atomic.Int32
	kinds := map[string]provisioner.Kind{"memory": {Shards: 1, Open: func(context.Context, provisioner.Config, *slog.Logger) (driver.Driver, error) {
		opened.Add(1)
		return cell.Reopen(), nil
	}}}
	cfg := p.config("one", "one")
	first, stop := p.launchOn(cfg, provisioner.Deps{Kinds: kinds})
	p.create("t0")
	p.done(first, 1, 1)
	_, before := p.claims("one")
	for _, name := range []string{"one", "two"} {
		second := p.config(name, "one")
		second.DataDir = cfg.DataDir
		s, err := provisioner.New(t.Context(), second, provisioner.Deps{Kinds: kinds})
		if errs.ReasonOf(err) != "DATA_DIR_IN_USE" || s != nil {
			t.Errorf("%s beside the first: %v", name, err)
		}
	}
	p.registry.Wish("t0", func(t *registryv1.Tenant) { t.Suspended = true })
	p.done(first, 2, 1)
	if _, now := p.claims("one"); fmt.Sprint(now) != fmt.Sprint(before) || opened.Load() != 1 {
		t.Errorf("claims %v, before %v; the cell was opened %d times", now, before, opened.Load())
	}
	stop()
	next, _ := p.launchOn(cfg, provisioner.Deps{Kinds: kinds})
	p.registry.Wish("t0", func(t *registryv1.Tenant) { t.Suspended = false })
	p.done(next, 3, 1)
}

// TestTwoProvisionersOfOneName: the second waits for the name, works on nothing
// meanwhile, and takes over when the first has ended.
func TestTwoProvisionersOfOneName(t *testing.T) {
	p, cell := newPlant(t), memory.New(memory.Config{})
	kinds := map[string]provisioner.Kind{"memory": {Shards: 1, Open: func(context.Context, provisioner.Config, *slog.Logger) (driver.Driver, error) {
		return cell.Reopen(), nil
	}}}
	first, stop := p.launch("one", provisioner.Deps{Kinds: kinds}, "one")
	p.create("t0")
	p.done(first, 1, 1)
	_, before := p.claims("one")
	second, _ := p.launch("one", provisioner.Deps{Kinds: kinds}, "one")
	p.registry.Wish("t0", func(t *registryv1.Tenant) { t.Suspended = true })
	p.done(second, 2, 1) // asked of the second, done by the first
	if _, now := p.claims("one"); fmt.Sprint(now) != fmt.Sprint(before) {
		t.Errorf("claims %v, before %v", now, before)
	}
	stop()
	testkit.Eventually(t, soon, func() error {
		if _, now := p.claims("one"); len(now) != 1 || fmt.Sprint(now) == fmt.Sprint(before) {
			return fmt.Errorf("claims %v, before %v", now, before)
		}
		return nil
	})
	p.registry.Wish("t0", func(t *registryv1.Tenant) { t.Suspended = false })
	p.done(second, 3, 1)
}
