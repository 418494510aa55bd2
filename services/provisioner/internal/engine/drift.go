package engine

import (
	"fmt"
	"strings"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/driver"
)

// Drifts lists what differs between the ledger and what was observed, of a stamp
// that has served. It is pure, and reads neither forms nor secrets.
func Drifts(w Wish, have *Stamp, obs driver.Observation) []*pb.Drift {
	if !lived(have) || w.Lifecycle == pb.Stamp_DESTROYED {
		return nil
	}
	if !obs.Exists {
		return []*pb.Drift{{Kind: pb.Drift_MISSING, Message: "Nothing of the stamp is in its cell."}}
	}
	var all []*pb.Drift
	for _, c := range have.GetComponents() {
		if entry(have, kindComponent, c.GetName()).GetState() == pb.LedgerEntry_PRESENT {
			all = append(all, driftOf(c, w, obs.Components[c.GetName()])...)
		}
	}
	for _, volume := range obs.Lost {
		component, name, _ := strings.Cut(volume, ".")
		all = append(all, &pb.Drift{Component: component, Kind: pb.Drift_MISSING, Message: fmt.Sprintf("The volume %s is gone, with what was in it.", name)})
	}
	if obs.Edited {
		all = append(all, &pb.Drift{Kind: pb.Drift_CHANGED, Message: "What the cell keeps of the stamp was changed by hand."})
	}
	if len(obs.Missing) > 0 {
		all = append(all, &pb.Drift{Kind: pb.Drift_MISSING, Message: gone(obs.Missing)})
	}
	return all
}

// driftOf is what differs of one component.
func driftOf(c *pb.ComponentStatus, w Wish, o driver.ComponentObservation) []*pb.Drift {
	var all []*pb.Drift
	add := func(kind pb.Drift_Kind, message string) {
		all = append(all, &pb.Drift{Component: c.GetName(), Kind: kind, Message: message})
	}
	switch {
	case c.GetWanted() && !o.Running && o.LastExit != "":
		add(pb.Drift_NOT_RUNNING, fmt.Sprintf("It is meant to run and does not: %s.", o.LastExit))
	case c.GetWanted() && !o.Running:
		add(pb.Drift_NOT_RUNNING, "It is meant to run and does not.")
	case !c.GetWanted() && o.Running && w.Lifecycle == pb.Stamp_STOPPED:
		add(pb.Drift_CHANGED, "It runs and is meant to be stopped.")
	case redefined(c, o):
		add(pb.Drift_CHANGED, "What runs is not what the ledger says.")
	}
	if c.GetWanted() && len(o.ChangedFiles) > 0 {
		add(pb.Drift_FILE_CHANGED, fmt.Sprintf("Changed or removed by hand: %s.", strings.Join(o.ChangedFiles, ", ")))
	}
	if len(o.Missing) > 0 {
		add(pb.Drift_MISSING, gone(o.Missing))
	}
	return all
}

func gone(names []string) string { return fmt.Sprintf("Gone: %s.", strings.Join(names, ", ")) }

// redefined says whether another definition runs than was last started. A
// component that an older Stampworks started has no label to compare with.
func redefined(c *pb.ComponentStatus, o driver.ComponentObservation) bool {
	return c.GetWanted() && o.Running && c.GetDigest() != "" && o.Digest != c.GetDigest()
}

// stale says whether a component is to be started anew to be as the ledger says.
func stale(c *pb.ComponentStatus, o driver.ComponentObservation) bool {
	return c.GetWanted() && (redefined(c, o) || len(o.ChangedFiles)+len(o.Missing) > 0)
}
