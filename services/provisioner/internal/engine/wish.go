package engine

import (
	"slices"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// Wish is what one generation of a tenant wants of its stamp, as far as
// planning goes.
type Wish struct {
	Generation int64
	Lifecycle  pb.Stamp_Lifecycle
	// Revision is the blueprint's revision, by its full name.
	Revision string
	// Site is what the site must offer, as JSON; Secrets are the names of those
	// that must have been made.
	Site    string
	Secrets []string
	// Parts are the components, in start order.
	Parts []Part
	// Checks are the smoke checks.
	Checks []Check
	// Endpoint is the component that customers reach; empty when there is none.
	Endpoint string
	// Backup is one to be made before anything changes, Restore one to be
	// brought back; nil for none.
	Backup  *BackupWish
	Restore *RestoreWish
	// Rotate is a version of a secret to be put in place, Restart what is to be
	// restarted, Task a task to be run; nil for none.
	Rotate  *RotateWish
	Restart *RestartWish
	Task    *TaskWish
	// Open says that an operation is to be ended by this run.
	Open bool
	// Reopens says that the endpoint may be opened although the data is half of two.
	Reopens bool
	// ShowOnly says that what differs is only shown once all was brought about.
	ShowOnly bool
}

// BackupWish is a backup that is to be there.
type BackupWish struct {
	// ID is the backup's, Reason why it is made.
	ID     string
	Reason pb.Backup_Reason
	// Components are those with a backup job, in start order.
	Components []string
	// Hot says that everything goes on meanwhile. Otherwise what depends on the
	// components is stopped first.
	Hot bool
}

// RestoreWish is data that is to be brought back.
type RestoreWish struct {
	// Key says who asked; a restore is done once for each.
	Key string
	// Check says that the backup is seen to be whole before anything is touched.
	Check bool
	// Components are those with a restore job and a share in the backup, in
	// start order; of them Stopped are those whose job replaces files that the
	// component has open.
	Components []string
	Stopped    map[string]bool
}

// Part is one wished component.
type Part struct {
	Name      string
	DependsOn []string
	// Setup and Migrate say whether it has such a job, Probed whether it has a
	// ready probe.
	Setup, Migrate, Probed bool
	// Rendered is its form for the ledger; empty until the site and the
	// secrets are there. Closed is the one while the endpoint is closed, of the
	// endpoint's component.
	Rendered, Closed string
}

// Check is one smoke check: through the customer's URL, or in a component.
type Check struct {
	ID     string
	Public bool
}

// Seen is what there is beside the record: what the driver observed, and what
// this run found out.
type Seen struct {
	// Exists says whether the driver knows the stamp at all.
	Exists bool
	// Running, Started and Ready are by component: observed to run; started or
	// restarted by this run; answered to this run.
	Running, Started, Ready map[string]bool
	// Passed are the smoke checks, by id, that this run saw pass.
	Passed map[string]bool
	// Opened says that this run opened the endpoint again.
	Opened bool
	// Reported says that the registry has accepted the end of this generation.
	Reported bool
	// Stale are the components that are to be started anew: what runs, or what it
	// was given, was changed by hand. Unsound says that the site is to be made
	// good.
	Stale   map[string]bool
	Unsound bool
	// InFlight are the steps, by id, that run at this moment.
	InFlight map[string]bool
}

// NewSeen gives a Seen that has seen nothing.
func NewSeen() Seen {
	return Seen{
		Running: map[string]bool{}, Started: map[string]bool{}, Ready: map[string]bool{},
		Passed: map[string]bool{}, InFlight: map[string]bool{}, Stale: map[string]bool{},
	}
}

// settled says whether the generation was brought about in full before.
func settled(w Wish, have *pb.Stamp) bool {
	return have.GetDoneGeneration() == w.Generation && have.GetLifecycle() == w.Lifecycle
}

const (
	kindSite      = "site"
	kindComponent = "component"
)

// entry finds a ledger entry; nil when there is none.
func entry(s *pb.Stamp, kind, name string) *pb.LedgerEntry {
	i := slices.IndexFunc(s.GetLedger(), func(e *pb.LedgerEntry) bool { return e.GetKind() == kind && e.GetName() == name })
	if i < 0 {
		return nil
	}
	return s.GetLedger()[i]
}

// status finds the status of a component; nil when there is none.
func status(s *pb.Stamp, name string) *pb.ComponentStatus {
	i := slices.IndexFunc(s.GetComponents(), func(c *pb.ComponentStatus) bool { return c.GetName() == name })
	if i < 0 {
		return nil
	}
	return s.GetComponents()[i]
}

// made lists the components that the ledger has, in its order.
func made(s *pb.Stamp) []string {
	var names []string
	for _, e := range s.GetLedger() {
		if e.GetKind() == kindComponent {
			names = append(names, e.GetName())
		}
	}
	return names
}
