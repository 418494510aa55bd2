package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/layout"
)

// keepInterval is how often it is seen to that every stamp has its supervisor
// and its walls.
const keepInterval = 3 * time.Second

// Run sees to it that every stamp has a supervisor, and is kept apart from the
// others, until the context ends. The stamps do not notice its end.
func (d *Driver) Run(ctx context.Context) error {
	tick := time.NewTicker(keepInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := errors.Join(d.keepWalls(ctx), d.keepSupervisors(ctx), d.collectOrphans(ctx)); err != nil && ctx.Err() == nil {
				d.log.ErrorContext(ctx, "stamps not kept", "cell", d.cfg.Cell, "error", err)
			}
		}
	}
}

// collectOrphans looks again at stamps without a data directory that still ran
// when the cell was opened: their supervisors end them within seconds.
func (d *Driver) collectOrphans(ctx context.Context) error {
	if !d.orphans {
		return nil
	}
	return d.collect(ctx)
}

// collect forgets stamps whose data directory is gone. Those that still run are
// looked at again.
func (d *Driver) collect(ctx context.Context) error {
	left, err := d.changes.Collect(ctx)
	d.orphans = err != nil
	for _, o := range left {
		d.log.WarnContext(ctx, "stamp without a data directory not forgotten", "cell", d.cfg.Cell, "orphan", o.Stamp, "pids", o.PIDs, "error", o.Error)
		d.orphans = d.orphans || len(o.PIDs) > 0
	}
	return err
}

// keepSupervisors launches those that are missing.
func (d *Driver) keepSupervisors(ctx context.Context) error {
	dirs, err := filepath.Glob(filepath.Join(d.stamps(), "*", "manifest.json"))
	if err != nil {
		return fmt.Errorf("list stamps: %w", err)
	}
	var all errgroup.Group
	all.SetLimit(4)
	for _, manifest := range dirs {
		all.Go(func() error {
			s := layout.Stamp(filepath.Dir(manifest))
			_, err := control.Call(ctx, s, control.Request{Op: control.OpPing})
			if err == nil || !errors.Is(err, control.ErrAbsent) && !errors.Is(err, control.ErrLost) {
				return err
			}
			if r, err := control.ReadRecord(s); err != nil || r.Ending {
				return ignoreGone(err) // who destroys it sees to it
			}
			return d.replace(ctx, s)
		})
	}
	return all.Wait()
}

// replace launches a supervisor where there is none; a stamp that is barred has
// none, and says why.
func (d *Driver) replace(ctx context.Context, s layout.Stamp) error {
	_, was := s.Barred()
	err := d.admit(ctx, s)
	if err == nil && !was { // else next time, when its walls are up again
		d.log.WarnContext(ctx, "stamp has no supervisor, launching one", "cell", d.cfg.Cell, "dir", string(s))
		err = d.launch(ctx, s)
	}
	if errs.ReasonOf(err) == numbersTaken {
		return nil
	}
	return err
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// under puts a request under the owner's fence.
func under(ref driver.Ref, req control.Request) control.Request {
	req.Token, req.Recovery = ref.Token, ref.Recovery
	return req
}

// ask asks the stamp's supervisor, launching one when there is none.
func (d *Driver) ask(ctx context.Context, ref driver.Ref, req control.Request) (control.Response, error) {
	s := d.stamp(ref)
	if err := d.refused(ctx, s); err != nil {
		return control.Response{}, err
	}
	req = under(ref, req)
	for attempt := 0; ; attempt++ {
		resp, err := control.Call(ctx, s, req)
		switch {
		case err == nil:
			return resp, nil
		case errors.Is(err, control.ErrLost) && req.Op != control.OpJob && attempt < 3:
			// asked again: every verb may be
		case errors.Is(err, control.ErrAbsent) && attempt < 10:
			if err := d.launch(ctx, s); errs.ReasonOf(err) == numbersTaken {
				return resp, err
			} else if err != nil {
				return resp, errs.New(errs.Unavailable, "SUPERVISOR_UNAVAILABLE", "%w", err)
			}
		default:
			return resp, answer(ref, req, err)
		}
	}
}

// answer gives a supervisor's failure its kind.
func answer(ref driver.Ref, req control.Request, err error) error {
	var f *control.Failure
	if errors.Is(err, control.ErrLost) || errors.Is(err, control.ErrAbsent) {
		return errs.New(errs.Unavailable, "SUPERVISOR_UNAVAILABLE", "%s stamp of %q: %w", req.Op, ref.Tenant, err)
	}
	if errors.Is(err, driver.ErrStaleToken) || !errors.As(err, &f) {
		return fmt.Errorf("%s stamp of %q: %w", req.Op, ref.Tenant, err)
	}
	kind, reason := errs.Internal, f.Code
	switch f.Code {
	case control.CodeEnding, control.CodeCut:
		kind = errs.FailedPrecondition
	case control.CodeProgram: // the artifact was resolved, so the machine lacks nothing
		return errs.New(errs.FailedPrecondition, "PROGRAM_NOT_IN_ARTIFACT", "%w", err)
	case control.CodeStart:
		kind = errs.FailedPrecondition
	case control.CodeUnknown:
		reason = "SUPERVISOR_FAILED"
	}
	return errs.New(kind, reason, "%s stamp of %q: %w", req.Op, ref.Tenant, err)
}

// launch starts a supervisor and returns when it can be asked. The launcher
// ends at once, so that the supervisor belongs to nobody and is reaped by the
// system.
func (d *Driver) launch(ctx context.Context, s layout.Stamp) error {
	if err := d.admit(ctx, s); err != nil || nothingToEnd(s) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.cfg.Supervisor, "launch", string(s))
	cmd.Dir, cmd.Env = "/", os.Environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		err = fmt.Errorf("launch supervisor of %s: %w: %s", filepath.Base(string(s)), err, strings.TrimSpace(string(out)))
		return errors.Join(err, noRoom(string(s)))
	}
	return nil
}
