package preview

import "slices"

// NotRunning is the reason of what is started because it does not run.
const NotRunning = "it does not run"

// Causes are what stops components though their definitions are the same.
type Causes struct {
	// Migrating are the components whose migrate job runs: they and all that
	// depend on them are stopped meanwhile.
	Migrating map[string]bool
	// BackedUp are those of which a backup is made: what depends on them is
	// stopped meanwhile.
	BackedUp map[string]bool
	// Closed is the component that customers reach, when they are kept out;
	// empty when they are not.
	Closed string
}

// Because says why a component is stopped; empty: it is not.
func (c Causes) Because(name string, dependsOn func(string) []string) string {
	if c.Migrating[name] {
		return "it migrates"
	}
	needs := below(name, dependsOn)
	among := func(of map[string]bool) []string {
		return slices.DeleteFunc(slices.Clone(needs), func(n string) bool { return !of[n] })
	}
	if found := among(c.Migrating); len(found) > 0 {
		return List(found) + verb(found, " migrates", " migrate")
	}
	if found := among(c.BackedUp); len(found) > 0 {
		return List(found) + verb(found, " is backed up", " are backed up")
	}
	if c.Closed != "" && (name == c.Closed || slices.Contains(needs, c.Closed)) {
		return "customers are kept out meanwhile"
	}
	return ""
}

// below are all that a component depends on, directly or not, by name.
func below(name string, dependsOn func(string) []string) []string {
	var all []string
	for queue := slices.Clone(dependsOn(name)); len(queue) > 0; queue = queue[1:] {
		if next := queue[0]; next != name && !slices.Contains(all, next) {
			all = append(all, next)
			queue = append(queue, dependsOn(next)...)
		}
	}
	slices.Sort(all)
	return all
}

func verb(names []string, one, many string) string {
	if len(names) == 1 {
		return one
	}
	return many
}
