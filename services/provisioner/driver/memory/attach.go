package memory

import (
	"context"

	"stampworks.dev/services/provisioner/driver"
)

var _ driver.Attacher = (*Driver)(nil)

// Attach calls Config.Attach. Without one a command ends with 0 when nothing more
// is typed. Stopping a component ends no session: nothing runs here.
func (d *Driver) Attach(ctx context.Context, ref driver.Ref, m driver.Manifest, job driver.Job, s driver.Session) (driver.JobResult, error) {
	if err := d.begin(ctx, Call{Verb: "Attach", Ref: ref, Component: job.Component, Job: job.ID}); err != nil {
		return driver.JobResult{}, err
	}
	d.cell.mu.Lock()
	_, err := d.cell.claim(ref)
	d.cell.mu.Unlock()
	if err == nil {
		err = s.Started()
	}
	if err != nil {
		return driver.JobResult{}, err
	}
	if d.cfg.Attach != nil {
		return d.cfg.Attach(ctx, ref, m, job, s)
	}
	for {
		select {
		case _, more := <-s.Input:
			if !more {
				return driver.JobResult{}, nil
			}
		case <-ctx.Done():
			return driver.JobResult{ExitCode: -1}, nil
		}
	}
}
