package engine

import (
	"slices"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/internal/compare"
)

// Stamp is the record of what there is.
type Stamp = pb.Stamp

// Ids of the steps on the whole stamp.
const (
	placeID   = "place"
	reserveID = "site.reserve"
	secretsID = "secrets.make"
	destroyID = "site.destroy"
	reportID  = "report"
)

// Plan lists the steps that are missing between what there is and the wish,
// as a graph: every step with those that it waits for. It is pure.
func Plan(w Wish, have *Stamp, seen Seen) []Step {
	var p steps
	switch w.Lifecycle {
	case pb.Stamp_RUNNING:
		p.run(w, have, seen)
	case pb.Stamp_STOPPED:
		p.stop(have, seen)
	case pb.Stamp_DESTROYED:
		p.destroy(have, seen)
	}
	if w.Open && !seen.Reported {
		p.add("", Report, reportID, p.ids()...)
	}
	return p.trim()
}

// run plans for a stamp that serves.
func (p *steps) run(w Wish, have *Stamp, seen Seen) {
	if e := entry(have, kindSite, kindSite); e.GetState() != pb.LedgerEntry_PRESENT || !seen.Exists ||
		(!settled(w, have) && !compare.Same(requestOf(e), w.Site)) {
		p.add("", Reserve, reserveID)
	}
	for _, name := range w.Secrets {
		if have.GetSecretVersions()[name] == 0 {
			p.add("", Secrets, secretsID)
			break
		}
	}
	before := append([]string{reserveID, secretsID}, p.removals(w, have)...)
	pause := pauses(w, have, seen)
	for _, part := range w.Parts {
		p.component(w, part, have, seen, before, pause)
	}
	p.smoke(w, have, seen)
}

// removals ends the components that the recipe no longer has: before anything
// migrates, for they belong to the old revision.
func (p *steps) removals(w Wish, have *Stamp) []string {
	var ids []string
	for _, name := range made(have) {
		if _, has := w.part(name); !has {
			ids = append(ids, id(name, Remove))
			p.add(name, Remove, id(name, Remove), reserveID, secretsID)
		}
	}
	return ids
}

// component plans one component: stop when something migrates, setup,
// migrate, start, ready, in this order and after what it depends on.
func (p *steps) component(w Wish, part Part, have *Stamp, seen Seen, before []string, pause map[string][]string) {
	c := part.Name
	needs := slices.Clone(before)
	for _, d := range part.DependsOn {
		needs = append(needs, w.served(d)...)
	}
	stops, paused := pause[c]
	if paused {
		p.add(c, Stop, id(c, Stop), slices.Concat(before, stops)...)
		needs = append(needs, id(c, Stop))
	}
	if part.Setup && have.GetJobsDone()[id(c, Setup)] == "" {
		p.add(c, Setup, id(c, Setup), slices.Clone(needs)...)
		needs = append(needs, id(c, Setup))
	}
	if part.Migrate && have.GetJobsDone()[id(c, Migrate)] != w.Revision {
		p.add(c, Migrate, id(c, Migrate), slices.Clone(needs)...)
		needs = append(needs, id(c, Migrate))
	}
	start := paused || !seen.Running[c] || changed(w, part, have)
	if start {
		p.add(c, Start, id(c, Start), slices.Clone(needs)...)
		needs = append(needs, id(c, Start))
	}
	if start || (!seen.Ready[c] && (!settled(w, have) || seen.Started[c])) {
		p.add(c, Ready, id(c, Ready), needs...)
	}
}

// changed says whether a component differs from its ledger entry. A generation
// that was brought about in full is not compared again: it was equal then, and
// neither a recipe nor a ledger entry changes by itself.
func changed(w Wish, part Part, have *Stamp) bool {
	e := entry(have, kindComponent, part.Name)
	if e.GetState() != pb.LedgerEntry_PRESENT || !status(have, part.Name).GetWanted() {
		return true
	}
	return !settled(w, have) && (part.Rendered == "" || !compare.Same(e.GetRendered(), part.Rendered))
}

// pauses finds what must not run while something migrates: every component
// whose migration is due and all that depend on it, each with the stops that
// come before its own.
func pauses(w Wish, have *Stamp, seen Seen) map[string][]string {
	needers := map[string][]string{}
	for _, part := range w.Parts {
		for _, d := range part.DependsOn {
			needers[d] = append(needers[d], part.Name)
		}
	}
	pause := map[string][]string{}
	var visit func(name string)
	visit = func(name string) {
		if _, done := pause[name]; done {
			return
		}
		pause[name] = nil
		for _, n := range needers[name] {
			visit(n)
			pause[name] = append(pause[name], id(n, Stop))
		}
	}
	for _, part := range w.Parts {
		if part.Migrate && have.GetJobsDone()[id(part.Name, Migrate)] != w.Revision {
			visit(part.Name)
		}
	}
	for name := range pause {
		if !seen.Running[name] {
			delete(pause, name)
		}
	}
	return pause
}

// smoke plans the checks: first those in components, then through the
// customer's own URL.
func (p *steps) smoke(w Wish, have *Stamp, seen Seen) {
	if settled(w, have) && len(seen.Started) == 0 {
		return
	}
	var ready, inside []string
	for _, part := range w.Parts {
		ready = append(ready, w.served(part.Name)...)
	}
	for _, c := range w.Checks {
		if !c.Public && !seen.Passed[c.ID] {
			inside = append(inside, c.ID)
			p.add("", Smoke, c.ID, ready...)
		}
	}
	for _, c := range w.Checks {
		if c.Public && !seen.Passed[c.ID] {
			p.add("", Smoke, c.ID, slices.Concat(inside, ready)...)
		}
	}
}

// stop plans for a stamp that is kept and does not run: in reverse order.
func (p *steps) stop(have *Stamp, seen Seen) {
	needers := map[string][]string{}
	for _, c := range have.GetComponents() {
		for _, d := range c.GetDependsOn() {
			needers[d] = append(needers[d], id(c.GetName(), Stop))
		}
	}
	for _, c := range made(have) {
		present := entry(have, kindComponent, c).GetState() == pb.LedgerEntry_PRESENT
		if seen.Running[c] || status(have, c).GetWanted() || !present {
			p.add(c, Stop, id(c, Stop), needers[c]...)
		}
	}
}

// destroy plans for a stamp of which nothing is to be left.
func (p *steps) destroy(have *Stamp, seen Seen) {
	if seen.Exists || len(have.GetLedger()) > 0 {
		p.add("", Destroy, destroyID)
	}
}

func (w Wish) part(component string) (Part, bool) {
	for _, p := range w.Parts {
		if p.Name == component {
			return p, true
		}
	}
	return Part{}, false
}

// served lists the steps after which a component can be used by others. One
// without a probe can be as soon as it was started; whether it stays up is
// looked at meanwhile.
func (w Wish) served(component string) []string {
	if p, _ := w.part(component); p.Probed {
		return []string{id(component, Start), id(component, Ready)}
	}
	return []string{id(component, Start)}
}
