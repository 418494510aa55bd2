package engine

import (
	"slices"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// stop plans for a stamp that is kept and does not run: in reverse order. When
// a last backup is to be made, what it is made of is stopped after it, and
// started for it if need be.
func (p *steps) stop(w Wish, have *Stamp, seen Seen) {
	needers := map[string][]string{}
	for _, c := range have.GetComponents() {
		for _, d := range c.GetDependsOn() {
			needers[d] = append(needers[d], id(c.GetName(), Stop))
		}
	}
	data := w.backedUp(have)
	var before []string
	for _, c := range made(have) {
		present := entry(have, kindComponent, c).GetState() == pb.LedgerEntry_PRESENT
		switch {
		case data[c] && !seen.Running[c]:
			p.revive(c, have, nil, &before)
		case data[c] && asksFirst(c, have, seen):
			p.add(c, Ready, id(c, Ready))
			before = append(before, id(c, Ready))
		case data[c]:
			p.add(c, Stop, id(c, Stop), append([]string{keepID}, needers[c]...)...)
		case seen.Running[c] || status(have, c).GetWanted() || !present:
			p.add(c, Stop, id(c, Stop), needers[c]...)
			before = append(before, id(c, Stop))
		}
	}
	p.backup(w, have, before)
}

// reviveAll starts, for the backup before an upgrade, what its jobs ask and does
// not run, as after a suspension: in the form that the ledger has, for data and
// program are still of the old revision. It gives the steps to wait for.
func (p *steps) reviveAll(w Wish, have *Stamp, seen Seen, o *order) (before []string) {
	o.revived = map[string]bool{}
	for _, c := range made(have) {
		if !w.revives(c, have) {
			continue
		}
		switch {
		case !seen.Running[c]:
			p.revive(c, have, o.before, &before)
			o.revived[c] = true
		case asksFirst(c, have, seen):
			p.add(c, Ready, id(c, Ready), o.before...)
			before = append(before, id(c, Ready))
			o.revived[c] = true
		}
	}
	return before
}

// revives says whether a component that starts now does so for a backup. One
// that left the recipe is ended first, and is not.
func (w Wish) revives(component string, have *Stamp) bool {
	_, has := w.part(component)
	return has && w.backsUpAlone(have) && w.backedUp(have)[component]
}

// asksFirst says whether a component that runs must be seen to answer before its
// backup: it was started for that, maybe by a run that a crash ended.
func asksFirst(component string, have *Stamp, seen Seen) bool {
	return !seen.Ready[component] && (seen.Started[component] || have.GetLifecycle() == pb.Stamp_STOPPED)
}

// revive starts a component, after these, of a stamp that is to be backed up.
func (p *steps) revive(component string, have *Stamp, after []string, before *[]string) {
	needs := slices.Clone(after)
	for _, d := range status(have, component).GetDependsOn() {
		needs = append(needs, id(d, Start), id(d, Ready))
	}
	p.add(component, Start, id(component, Start), needs...)
	p.add(component, Ready, id(component, Ready), append(needs, id(component, Start))...)
	*before = append(*before, id(component, Start), id(component, Ready))
}

// backedUp are the components that run while a backup is made: those with a job,
// and what they need, but never the endpoint, for customers write through it.
func (w Wish) backedUp(have *Stamp) map[string]bool {
	data := map[string]bool{}
	if !w.backsUp(have) {
		return data
	}
	var visit func(name string)
	visit = func(name string) {
		if !data[name] {
			data[name] = true
			visitAll(status(have, name).GetDependsOn(), visit)
		}
	}
	visitAll(w.Backup.Components, visit)
	if w.Lifecycle == pb.Stamp_RUNNING {
		delete(data, w.Endpoint)
	}
	return data
}
