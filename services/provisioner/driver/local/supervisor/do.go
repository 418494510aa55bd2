package supervisor

import (
	"context"
	"fmt"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
)

type outcome struct {
	job  *driver.JobResult
	last bool // nothing is answered after this
}

// do carries out one request.
func (s *Supervisor) do(ctx context.Context, req control.Request) (outcome, error) {
	if req.Version > control.Version {
		return outcome{}, fmt.Errorf("version %d of the protocol is newer than this supervisor", req.Version)
	}
	switch req.Op {
	case control.OpPing:
		return outcome{}, nil
	case control.OpReserve:
		return outcome{}, s.reserve(req)
	case control.OpEnsure:
		return outcome{}, s.ensure(ctx, req)
	case control.OpStop:
		return outcome{}, s.stop(ctx, req)
	case control.OpJob:
		result, err := s.job(ctx, req)
		return outcome{job: result}, err
	case control.OpEndJobs:
		return outcome{}, s.endJobs(ctx, req)
	case control.OpDestroy:
		err := s.destroy(ctx, req)
		return outcome{last: err == nil}, err
	case control.OpRemember:
		return outcome{}, s.remember(req)
	case control.OpAdopt:
		return outcome{}, s.adopt(req)
	case control.OpHandover:
		err := s.handover(ctx, req)
		return outcome{last: err == nil}, err
	}
	return outcome{}, fmt.Errorf("%s %q", control.UnknownRequest, req.Op)
}

func (s *Supervisor) reserve(req control.Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if req.Settings == nil || *req.Settings == s.record.Settings && s.record.OnDisk(s.stamp) {
		return s.raise(req, nil)
	}
	return s.raise(req, func(r *control.Record) { r.Settings = *req.Settings })
}

func (s *Supervisor) job(ctx context.Context, req control.Request) (*driver.JobResult, error) {
	if req.Job == nil || req.Applied == nil {
		return nil, fmt.Errorf("run job: the job is missing")
	}
	s.mu.Lock()
	err := s.raise(req, nil)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return s.jobs.run(ctx, req.Component, *req.Applied, *req.Job)
}

// endJobs ends the jobs that are under way, but those to keep.
func (s *Supervisor) endJobs(ctx context.Context, req control.Request) error {
	s.mu.Lock()
	err := s.raise(req, nil)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.jobs.endBut(ctx, req.Keep)
}

// handover ends the jobs, which nobody can take over.
func (s *Supervisor) handover(ctx context.Context, req control.Request) error {
	s.mu.Lock()
	err := s.raise(req, nil)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.jobs.endAll(ctx)
}
