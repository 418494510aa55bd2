package server

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/driver"
)

// observe brings the components of a stamp up to what there is at this moment:
// the record is as old as the last look, and a supervisor may have started a
// process again since. Where the cell cannot be asked, the record stands.
func (s *Server) observe(ctx context.Context, req *pb.GetStampRequest, stamp *pb.Stamp) *pb.Stamp {
	d, peer, err := s.here(ctx, stamp)
	if err != nil {
		return stamp
	}
	if d == nil {
		if seen, err := peer.GetStamp(ctx, req); err == nil {
			return seen
		}
		return stamp
	}
	obs, err := d.Observe(ctx, ref(stamp))
	if err != nil {
		return stamp
	}
	for _, c := range stamp.GetComponents() {
		overlay(c, obs.Components[c.GetName()])
	}
	return stamp
}

func overlay(c *pb.ComponentStatus, o driver.ComponentObservation) {
	c.Running, c.Restarts, c.LastExit = o.Running, int32(o.Restarts), o.LastExit
	c.Pids, c.StartTime = nil, nil
	for _, pid := range o.PIDs {
		c.Pids = append(c.Pids, int32(pid))
	}
	if !o.Started.IsZero() {
		c.StartTime = timestamppb.New(o.Started)
	}
}
