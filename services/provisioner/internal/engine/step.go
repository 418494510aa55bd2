package engine

// Action is what a step does.
type Action string

// The actions, in the words of the API.
const (
	Place   Action = "place"   // bind the tenant to a cell
	Reserve Action = "reserve" // take directory, user, address, ports
	Secrets Action = "secrets" // make the secrets that are missing
	Setup   Action = "setup"   // the setup job, once per volume
	Migrate Action = "migrate" // the migrate job, once per revision
	Start   Action = "start"   // make the component be there and run
	Ready   Action = "ready"   // wait for the ready probe
	Stop    Action = "stop"    // end the component, keep its data
	Remove  Action = "remove"  // end a component that the recipe no longer has
	Smoke   Action = "smoke"   // a check that a customer would make
	Close   Action = "close"   // end the endpoint's component, so that no customer writes
	Open    Action = "open"    // let customers in again
	Backup  Action = "backup"  // a backup job, or what comes before and after all of them
	Restore Action = "restore" // a restore job, or what comes before and after all of them
	Rotate  Action = "rotate"  // the job that installs a secret, or what comes before and after it
	Task    Action = "task"    // a task of the blueprint
	Report  Action = "report"  // tell the registry
	Destroy Action = "destroy" // remove everything
)

// Step is one action on one component, or on the whole stamp.
type Step struct {
	// ID is unique in an operation, such as "app.migrate".
	ID        string
	Component string
	Action    Action
	// After are the ids of the steps of the plan that must end first.
	After []string
}

// Effect says whether the action changes the world, so that the record must
// be saved before it. The others only look, and may be cut short.
func (a Action) Effect() bool {
	switch a {
	case Ready, Smoke, Report:
		return false
	}
	return true
}

func id(component string, a Action) string { return component + "." + string(a) }
