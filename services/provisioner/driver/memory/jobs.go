package memory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

// work is a recorded job that is under way.
type work struct {
	cancel context.CancelCauseFunc
	ended  chan struct{}
	result driver.JobResult // after ended, with err
	err    error
}

// errEnded is what became of a job that EndJobs ended.
var errEnded = errors.New("it was ended")

// RunJob calls Config.Job once for an ID; whoever asks meanwhile waits for it.
func (d *Driver) RunJob(ctx context.Context, ref driver.Ref, m driver.Manifest, job driver.Job) (driver.JobResult, error) {
	if err := d.begin(ctx, Call{Verb: "RunJob", Ref: ref, Component: job.Component, Job: job.ID}); err != nil {
		return driver.JobResult{}, err
	}
	if _, has := m.Components[job.Component]; !has || job.Check() != nil {
		return driver.JobResult{}, errs.New(errs.InvalidArgument, "JOB_INVALID", "run job %.80q of component %.80q: bad id, command or component", job.ID, job.Component)
	}
	s, one, err := d.beginJob(ctx, ref, m, job)
	if err != nil {
		return driver.JobResult{}, err
	}
	if one == nil { // unrecorded
		return d.carryOut(ctx, s, ref, m, job)
	}
	select {
	case <-one.ended:
		return one.result, one.err
	case <-ctx.Done():
		return driver.JobResult{}, ctx.Err()
	}
}

// beginJob gives the job that runs, or ran, under its ID; nil when it is to leave
// no record.
func (d *Driver) beginJob(ctx context.Context, ref driver.Ref, m driver.Manifest, job driver.Job) (*stamp, *work, error) {
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	s, err := d.cell.claim(ref)
	if err != nil || job.Unrecorded {
		return s, nil, err
	}
	if one := s.running[job.ID]; one != nil {
		return s, one, nil
	}
	one := &work{ended: make(chan struct{})}
	if r, done := s.jobs[job.ID]; done {
		one.result = r
		close(one.ended)
		return s, one, nil
	}
	// It outlives who asked for it, as it does where jobs are processes.
	ctx, one.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	s.running[job.ID] = one
	go d.finish(ctx, s, ref, m, job, one) // ends with the job
	return s, one, nil
}

// finish carries a job out to its end, and records how it ended.
func (d *Driver) finish(ctx context.Context, s *stamp, ref driver.Ref, m driver.Manifest, job driver.Job, one *work) {
	defer one.cancel(nil)
	one.result, one.err = d.carryOut(ctx, s, ref, m, job)
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	if cause := context.Cause(ctx); cause != nil {
		one.result, one.err = driver.JobResult{}, fmt.Errorf("run job %s: %w", job.ID, cause)
	}
	if one.err == nil {
		s.jobs[job.ID] = one.result
	}
	delete(s.running, job.ID)
	close(one.ended)
}

func (d *Driver) carryOut(ctx context.Context, s *stamp, ref driver.Ref, m driver.Manifest, job driver.Job) (driver.JobResult, error) {
	if job.Fresh {
		d.emptyVolumes(s, job.Component)
	}
	began := time.Now()
	var result driver.JobResult
	var err error
	if d.cfg.Job != nil {
		limit := job.Timeout
		if limit <= 0 {
			limit = 10 * time.Minute
		}
		jobCtx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		result, err = d.cfg.Job(jobCtx, ref, m, job)
	}
	return timed(result, began), err
}

// EndJobs ends the contexts of jobs, and waits for them.
func (d *Driver) EndJobs(ctx context.Context, ref driver.Ref, keep ...string) error {
	if err := d.begin(ctx, Call{Verb: "EndJobs", Ref: ref}); err != nil {
		return err
	}
	d.cell.mu.Lock()
	s, err := d.cell.find(ref)
	var all []*work
	if err == nil {
		all = s.cancelJobs(keep)
	}
	d.cell.mu.Unlock()
	if errs.ReasonOf(err) == "SITE_NOT_RESERVED" {
		return nil
	}
	for _, one := range all {
		select {
		case <-one.ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// cancelJobs tells jobs to end, but those to keep.
func (s *stamp) cancelJobs(keep []string) []*work {
	var all []*work
	for id, one := range s.running {
		if !slices.Contains(keep, id) {
			one.cancel(errEnded)
			all = append(all, one)
		}
	}
	return all
}

// emptyVolumes empties those of a component that never ran.
func (d *Driver) emptyVolumes(s *stamp, component string) {
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	if c := s.components[component]; c != nil && !c.Started.IsZero() {
		return
	}
	for name, dir := range s.site.Volumes {
		if strings.HasPrefix(name, component+".") {
			d.cfg.Disk.Replace(dir, nil)
		}
	}
}

// Logs gives what Config.Lines gave. With follow it ends with the context.
func (d *Driver) Logs(ctx context.Context, ref driver.Ref, q driver.LogQuery) (io.ReadCloser, error) {
	if err := d.begin(ctx, Call{Verb: "Logs", Ref: ref, Component: q.Component}); err != nil {
		return nil, err
	}
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	s := d.cell.stamps[ref.UID]
	if s == nil || s.components[q.Component] == nil {
		return nil, errs.New(errs.NotFound, "COMPONENT_NOT_FOUND", "read logs of component %.80q: it was never made", q.Component)
	}
	text := strings.Join(last(s.components[q.Component].log, q.Tail), "\n")
	if text != "" {
		text += "\n"
	}
	r := &logReader{Reader: strings.NewReader(text)}
	if q.Follow {
		r.follow = ctx
	}
	return r, nil
}

type logReader struct {
	*strings.Reader
	follow context.Context // nil when not following
}

func (r *logReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF && r.follow != nil {
		<-r.follow.Done()
	}
	return n, err
}

// WriteTo is hidden, so that io.Copy goes through Read and follows.
func (r *logReader) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{r})
}

func (r *logReader) Close() error { return nil }
