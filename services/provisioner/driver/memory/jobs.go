package memory

import (
	"context"
	"io"
	"strings"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
)

// RunJob calls Config.Job once for an ID; whoever asks meanwhile waits for it.
func (d *Driver) RunJob(ctx context.Context, ref driver.Ref, m driver.Manifest, job driver.Job) (driver.JobResult, error) {
	if err := d.begin(ctx, Call{Verb: "RunJob", Ref: ref, Component: job.Component, Job: job.ID}); err != nil {
		return driver.JobResult{}, err
	}
	if _, has := m.Components[job.Component]; !has || job.Check() != nil {
		return driver.JobResult{}, errs.New(errs.InvalidArgument, "JOB_INVALID", "run job %.80q of component %.80q: bad id, command or component", job.ID, job.Component)
	}
	for {
		s, result, wait, err := d.beginJob(ref, job)
		switch {
		case err != nil:
			return driver.JobResult{}, err
		case result != nil:
			return *result, nil
		case wait == nil:
			return d.carryOut(ctx, s, ref, m, job)
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return driver.JobResult{}, ctx.Err()
		}
	}
}

// beginJob gives the recorded result, or the end of the run to wait for, or
// neither: then the caller runs it.
func (d *Driver) beginJob(ref driver.Ref, job driver.Job) (*stamp, *driver.JobResult, chan struct{}, error) {
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	s, err := d.cell.claim(ref)
	if err != nil || job.Unrecorded {
		return s, nil, nil, err
	}
	if r, done := s.jobs[job.ID]; done {
		return s, &r, nil, nil
	}
	if wait := s.running[job.ID]; wait != nil {
		return s, nil, wait, nil
	}
	s.running[job.ID] = make(chan struct{})
	return s, nil, nil, nil
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
	result = timed(result, began)
	if job.Unrecorded {
		return result, err
	}
	d.cell.mu.Lock()
	defer d.cell.mu.Unlock()
	if err == nil {
		s.jobs[job.ID] = result
	}
	close(s.running[job.ID])
	delete(s.running, job.ID)
	return result, err
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
