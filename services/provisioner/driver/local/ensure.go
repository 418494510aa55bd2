package local

import (
	"context"
	"errors"
	"fmt"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
)

// Ensure hands the wish to the supervisor, which writes it down and acts.
func (d *Driver) Ensure(ctx context.Context, ref driver.Ref, m driver.Manifest, component string) error {
	applied, err := applied(ref, m, component)
	if err != nil {
		return errs.New(errs.InvalidArgument, "MANIFEST_INVALID", "ensure component %.80q: %w", component, err)
	}
	if err := d.mustBeReserved(ref); err != nil {
		return err
	}
	if applied.Stopped && d.refused(ctx, d.stamp(ref)) != nil {
		return nil // nothing of it runs
	}
	_, err = d.ask(ctx, ref, control.Request{
		Op: control.OpEnsure, Component: component, Applied: &applied, Wish: &m,
	})
	return err
}

// Stop ends the component's processes. A stamp that has none is fine.
func (d *Driver) Stop(ctx context.Context, ref driver.Ref, component string) error {
	s, has, err := d.reserved(ref)
	if err != nil || !has {
		return err
	}
	if d.refused(ctx, s) != nil {
		return nil // nothing of it runs
	}
	_, err = d.ask(ctx, ref, control.Request{Op: control.OpStop, Component: component})
	return err
}

// RunJob lets the supervisor run it, so that the loss of this process neither
// ends the job nor repeats it. The end of the context ends only the waiting.
func (d *Driver) RunJob(ctx context.Context, ref driver.Ref, m driver.Manifest, job driver.Job) (driver.JobResult, error) {
	applied, err := applied(ref, m, job.Component)
	if err == nil {
		err = job.Check()
	}
	if err != nil {
		return driver.JobResult{}, errs.New(errs.InvalidArgument, "JOB_INVALID", "run job %.80q: %w", job.ID, err)
	}
	if err := d.mustBeReserved(ref); err != nil {
		return driver.JobResult{}, err
	}
	resp, err := d.ask(ctx, ref, control.Request{
		Op: control.OpJob, Component: job.Component, Applied: &applied, Job: &job,
	})
	if err != nil {
		return driver.JobResult{}, err
	}
	if resp.Result == nil {
		return driver.JobResult{}, fmt.Errorf("run job %q: the supervisor gave no result", job.ID)
	}
	return *resp.Result, nil
}

// EndJobs lets the supervisor end them. A stamp that has none is fine, and one
// that is being destroyed: its jobs end with it.
func (d *Driver) EndJobs(ctx context.Context, ref driver.Ref, keep ...string) error {
	req := control.Request{Op: control.OpEndJobs, Keep: keep}
	_, r, has, err := d.record(ref)
	switch {
	case errors.Is(err, control.ErrDamaged): // the supervisor knows what it was
	case err != nil || !has:
		return err
	case r.Ending:
		if err := r.Stale(ref.Recovery, ref.Token); err != nil {
			return answer(ref, req, err)
		}
		return nil
	}
	_, err = d.ask(ctx, ref, req)
	if control.Unheard(err) {
		// Older than this request. The one that comes after it ends all jobs that
		// it finds.
		if _, err = d.ask(ctx, ref, control.Request{Op: control.OpHandover}); err == nil {
			_, err = d.ask(ctx, ref, req)
		}
	}
	return err
}

func (d *Driver) mustBeReserved(ref driver.Ref) error {
	_, has, err := d.reserved(ref)
	if err == nil && !has {
		err = errs.New(errs.FailedPrecondition, "SITE_NOT_RESERVED", "find stamp of %q: nothing is reserved for it", ref.Tenant)
	}
	return err
}

// applied is the component as the supervisor is told of it.
func applied(ref driver.Ref, m driver.Manifest, component string) (control.Applied, error) {
	if m.UID != ref.UID || m.Tenant != ref.Tenant {
		return control.Applied{}, fmt.Errorf("the manifest is of tenant %.80q", m.Tenant)
	}
	if err := driver.CheckComponent(component); err != nil {
		return control.Applied{}, err
	}
	digest, err := m.Digest(component)
	if err != nil {
		return control.Applied{}, err
	}
	c := m.Components[component]
	if err := c.Check(); err != nil {
		return control.Applied{}, err
	}
	program, has := m.Site.Artifacts[c.Artifact]
	if !has {
		return control.Applied{}, fmt.Errorf("artifact %q is not in the site", c.Artifact)
	}
	return control.Applied{Component: c, Digest: digest, ProgramDir: program.Dir}.Sealed()
}
