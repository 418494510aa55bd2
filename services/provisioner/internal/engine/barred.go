package engine

import (
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// numbersTaken is the obstacle of a stamp that its cell does not touch: what it
// was given is another's by now.
const numbersTaken = "NUMBERS_TAKEN"

// barred says what keeps a stamp that is to run from being touched. Nil when
// nothing does, or when it is to stop: nothing of it runs.
func (r *run) barred() *typev1.Obstacle {
	if r.obs.Barred == "" || r.wish.Lifecycle != pb.Stamp_RUNNING {
		return nil
	}
	return &typev1.Obstacle{
		Code:       numbersTaken,
		Message:    "Nothing of it is started: " + r.obs.Barred + ".",
		NextAction: "Make a new tenant from its newest backup and purge this one; or purge the stamp that has its numbers, then it comes up by itself.",
	}
}
