package local

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// evidenceLines is how much of a log explains why something does not run.
const evidenceLines = 20

// Observe reads what the supervisor left on disk and asks the kernel, so it
// says the same whether a supervisor is there or not.
func (d *Driver) Observe(ctx context.Context, ref driver.Ref) (driver.Observation, error) {
	s, r, has, err := d.record(ref)
	if damaged := errors.Is(err, control.ErrDamaged); !damaged && (err != nil || !has) {
		return driver.Observation{}, err
	} else if damaged {
		r = control.Record{Sum: "damaged"} // seen as changed by hand
	}
	o := driver.Observation{Exists: true, Components: map[string]driver.ComponentObservation{}, Wished: r.Wish.Wished()}
	o.Barred, _ = s.Barred()
	entries, err := os.ReadDir(s.Components())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return driver.Observation{}, errs.New(errs.Internal, "", "observe stamp of %q: %w", ref.Tenant, err)
	}
	for _, entry := range entries {
		c := s.Component(entry.Name())
		state, err := control.ReadState(c)
		if err != nil && !errors.Is(err, control.ErrDamaged) { // a damaged one is as good as none
			return driver.Observation{}, errs.New(errs.Internal, "", "observe stamp of %q: %w", ref.Tenant, err)
		}
		if state.Digest != "" {
			o.Components[entry.Name()] = observed(c, state)
		}
	}
	d.examine(ctx, s, r, &o)
	return o, nil
}

func observed(c layout.Component, state control.State) driver.ComponentObservation {
	o := driver.ComponentObservation{Digest: state.Digest}
	for _, r := range state.Replicas {
		o.Restarts += r.Restarts
		if r.LastExit != "" {
			o.LastExit = r.LastExit
		}
		if r.Process.Alive() {
			o.PIDs = append(o.PIDs, r.Process.PID)
			if r.Started.After(o.Started) {
				o.Started = r.Started
			}
		}
	}
	o.Running = len(o.PIDs) > 0 && len(o.PIDs) == len(state.Replicas)
	if !o.Running {
		lines, err := layout.LastLines(c.Log(), evidenceLines)
		if err != nil {
			lines = []string{err.Error()}
		}
		o.LastLines = lines
	}
	return o
}
