package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"stampworks.dev/services/provisioner/driver/local/control"
)

// adopt takes a control plane for the owner that lost its records: its tokens
// begin anew, once for each recovery. What runs is not touched.
func (s *Supervisor) adopt(req control.Request) error {
	if req.Recovery == "" {
		return errors.New("adopt: the recovery is missing")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.record.Recovery == req.Recovery {
		return s.raise(req, nil)
	}
	before := s.record
	if slices.Contains(before.Past, req.Recovery) {
		return before.Stale(req.Recovery, req.Token)
	}
	if err := s.jobs.forget(); err != nil {
		return err
	}
	s.record.Recovery, s.record.Token = req.Recovery, min(before.Token, req.Token)
	err := s.raise(req, func(r *control.Record) {
		if before.Recovery != "" {
			r.Past = append(slices.Clone(before.Past), before.Recovery)
		}
	})
	if err != nil {
		s.record = before
		return err
	}
	s.log.Warn("taken over by a control plane that lost its records", "recovery", req.Recovery, "token", req.Token, "token before", before.Token)
	return nil
}

// remember notes how the stamp's tenant can be made again. What runs is not
// touched.
func (s *Supervisor) remember(req control.Request) error {
	if req.Wish == nil {
		return errors.New("remember: the wish is missing")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var change func(*control.Record)
	if s.record.Wish.UID != "" && !s.record.Knows(*req.Wish) {
		wish := s.record.Wish
		wish.Generation, wish.Revision, wish.Recovery = req.Wish.Generation, req.Wish.Revision, req.Wish.Recovery
		change = func(r *control.Record) { r.Replace(wish) }
	}
	return s.raise(req, change)
}

// forget removes the recorded results of jobs: their ids may come again, and
// mean something else then. Those that run go on.
func (j *jobs) forget() error {
	files, err := filepath.Glob(filepath.Join(j.dir, "*.json"))
	if err != nil {
		return fmt.Errorf("list jobs: %w", err)
	}
	for _, file := range files {
		if known, err := readJob(file); err == nil && known.Result == nil {
			continue
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget job: %w", err)
		}
		if err := j.removeLog(strings.TrimSuffix(filepath.Base(file), ".json")); err != nil {
			return fmt.Errorf("forget job: %w", err)
		}
	}
	return nil
}
