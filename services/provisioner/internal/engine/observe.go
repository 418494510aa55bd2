package engine

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/services/provisioner/driver"
)

// observe asks the driver what there is.
func (r *run) observe(ctx context.Context) error {
	obs, err := r.driver.Observe(ctx, r.ref())
	if err != nil {
		return err
	}
	r.obs = obs
	r.seen.Exists = obs.Exists
	for name, c := range obs.Components {
		r.seen.Running[name] = c.Running
	}
	r.note(obs)
	r.noteDrift()
	return nil
}

// note brings the components' statuses up to what was observed.
func (r *run) note(obs driver.Observation) {
	for _, c := range r.book.Stamp.GetComponents() {
		o := obs.Components[c.GetName()]
		r.noteRevived(c, o)
		c.Running, c.Restarts, c.LastExit, c.StartTime = o.Running, int32(o.Restarts), o.LastExit, nil
		if !o.Started.IsZero() {
			c.StartTime = timestamppb.New(o.Started)
		}
		c.Pids = nil
		for _, pid := range o.PIDs {
			c.Pids = append(c.Pids, int32(pid))
		}
	}
}
