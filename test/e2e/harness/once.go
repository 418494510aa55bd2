package harness

import (
	"fmt"
	"slices"
	"time"

	"stampworks.dev/pkg/testkit"
)

// OnceEach waits until every component of these tenants runs exactly once, and
// nothing else of a stamp runs in the cells: what the API says is held to /proc.
// It gives the process ids of each component, "acme.app".
func (a *API) OnceEach(limit time.Duration, tenants []string, cellDirs ...string) map[string]int32 {
	a.t.Helper()
	var pids map[string]int32
	testkit.Eventually(a.t, limit, func() (err error) {
		if pids, err = a.pids(tenants); err != nil {
			return err
		}
		var running []Running
		for _, dir := range cellDirs {
			running = append(running, RunningBelow(a.t, dir)...)
		}
		return exactly(running, pids, len(tenants))
	})
	return pids
}

// pids reads each component's one process.
func (a *API) pids(tenants []string) (map[string]int32, error) {
	pids := map[string]int32{}
	for _, id := range tenants {
		stamp, err := a.Stamp(id)
		if err != nil {
			return nil, err
		}
		if len(stamp.GetComponents()) == 0 {
			return nil, fmt.Errorf("%s has no components", id)
		}
		for _, c := range stamp.GetComponents() {
			if len(c.GetPids()) != 1 || !c.GetRunning() {
				return nil, fmt.Errorf("%s.%s: running %t, pids %v", id, c.GetName(), c.GetRunning(), c.GetPids())
			}
			pids[id+"."+c.GetName()] = c.GetPids()[0]
		}
	}
	return pids, nil
}

// exactly compares what runs with what should: a supervisor for each stamp and
// the processes named. Children of those (PostgreSQL's, an exec probe) are
// theirs.
func exactly(running []Running, pids map[string]int32, stamps int) error {
	var supervisors []string
	roots := map[int]bool{}
	for _, pid := range pids {
		roots[int(pid)] = true
	}
	seen := 0
	var others []Running
	for _, r := range running {
		switch {
		case r.Supervisor():
			supervisors = append(supervisors, r.Args[len(r.Args)-1])
		case roots[r.PID]:
			seen++
		case !roots[r.Parent]:
			others = append(others, r)
		}
	}
	slices.Sort(supervisors)
	if len(supervisors) != stamps || len(slices.Compact(supervisors)) != stamps {
		return fmt.Errorf("%d stamps have these supervisors: %v", stamps, supervisors)
	}
	if seen != len(pids) || len(others) > 0 {
		return fmt.Errorf("of %d components %d run; besides them: %v", len(pids), seen, others)
	}
	return nil
}
