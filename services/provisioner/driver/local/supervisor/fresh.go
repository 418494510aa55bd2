package supervisor

import (
	"context"
	"errors"

	"stampworks.dev/services/provisioner/driver/local/control"
)

// freshen empties the component's volumes for a job that prepares them, and is
// called id. An earlier try that still runs is ended first.
func (j *jobs) freshen(ctx context.Context, component string, a control.Applied, id string) error {
	j.mu.Lock()
	var earlier []*job
	for other, one := range j.running {
		if other != id && one.fresh && one.component == component {
			earlier = append(earlier, one)
		}
	}
	j.mu.Unlock()
	if err := endJobs(ctx, earlier); err != nil {
		return err
	}
	return j.s.emptyVolumes(component, a.Volumes)
}

// emptyVolumes leaves those of a component alone that was ever wished to run:
// customers' data may be in them. No such wish is taken meanwhile.
func (s *Supervisor) emptyVolumes(component string, volumes []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.record.Ran(component) {
		s.log.Warn("volumes not emptied for a setup: the component ran already", "component", component)
		return nil
	}
	for _, volume := range volumes {
		if err := s.stamp.Component(component).EmptyVolume(volume); err != nil {
			return err
		}
	}
	return nil
}

// endJobs ends jobs; none of them gets a result.
func endJobs(ctx context.Context, all []*job) error {
	for _, one := range all {
		one.cancel()
	}
	var failed error
	for _, one := range all {
		select {
		case <-one.ended:
			if errors.Is(one.err, errLeft) {
				failed = errors.Join(failed, one.err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return failed
}
