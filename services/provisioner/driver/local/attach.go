package local

import (
	"context"
	"errors"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
)

// Attach lets the supervisor run it, which ends it when this process is lost.
func (d *Driver) Attach(ctx context.Context, ref driver.Ref, m driver.Manifest, job driver.Job, s driver.Session) (driver.JobResult, error) {
	applied, err := applied(ref, m, job.Component)
	if err == nil {
		err = job.Check()
	}
	if err != nil {
		return driver.JobResult{}, errs.New(errs.InvalidArgument, "JOB_INVALID", "attach to %.80q: %w", job.ID, err)
	}
	if err := d.mustBeReserved(ref); err != nil {
		return driver.JobResult{}, err
	}
	req := under(ref, control.Request{
		Op: control.OpAttach, Component: job.Component, Applied: &applied, Job: &job, Terminal: s.Terminal,
	})
	stamp := d.stamp(ref)
	if err := d.refused(ctx, stamp); err != nil {
		return driver.JobResult{}, err
	}
	result, err := control.Attach(ctx, stamp, req, s)
	if errors.Is(err, control.ErrAbsent) {
		if err := d.launch(ctx, stamp); err != nil {
			return result, errs.New(errs.Unavailable, "SUPERVISOR_UNAVAILABLE", "%w", err)
		}
		result, err = control.Attach(ctx, stamp, req, s)
	}
	if err != nil {
		return result, answer(ref, req, err)
	}
	return result, nil
}
