package engine

import (
	"slices"

	"stampworks.dev/pkg/blueprint/compare"
	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
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
	if w.ShowOnly && settled(w, have) {
		return nil
	}
	switch {
	case w.Task != nil:
		p.task(w, have)
	case w.Lifecycle == pb.Stamp_RUNNING:
		p.run(w, have, seen)
	case w.Lifecycle == pb.Stamp_STOPPED:
		p.stop(w, have, seen)
	case w.Lifecycle == pb.Stamp_DESTROYED:
		if w.backsUp(have) && len(have.GetLedger()) > 0 { // the deletion was to make it, and had not ended
			p.stop(w, have, seen)
		}
		p.destroy(have, seen)
	}
	if w.Open && !seen.Reported {
		p.add("", Report, reportID, p.ids()...)
	}
	p.checkFirst(w, have)
	return p.trim()
}

// run plans for a stamp that serves.
func (p *steps) run(w Wish, have *Stamp, seen Seen) {
	if e := entry(have, kindSite, kindSite); e.GetState() != pb.LedgerEntry_PRESENT || !seen.Exists || seen.Unsound ||
		(!settled(w, have) && !compare.Same(requestOf(e), w.Site)) {
		p.add("", Reserve, reserveID)
	}
	for _, name := range w.Secrets {
		if have.GetSecretVersions()[name] == 0 {
			p.add("", Secrets, secretsID)
			break
		}
	}
	o := order{before: []string{reserveID, secretsID}, early: w.early(have)}
	o.before = append(o.before, p.retire(w, have, seen)...)
	stops, late := p.pause(w, have, seen, &o)
	revived := p.reviveAll(w, have, seen, &o)
	kept := p.backup(w, have, slices.Concat(o.before, stops, revived))
	stops = slices.Concat(stops, kept, late)
	if w.closing(have) || w.backsUpAlone(have) {
		o.before = slices.Concat(o.before, stops)
	}
	p.restart(w, have, seen, &o)
	p.rotate(w, have)
	p.fetch(w, have, slices.Concat(o.before, stops))
	for _, part := range w.Parts {
		p.component(w, part, have, seen, o)
	}
	p.restoreJobs(w, have, stops)
	p.smoke(w, have, seen)
	p.open(w, have, seen)
	p.removals(w, have)
	p.retireOld(w, have)
}

// order is what the steps of a component wait for, beside what it depends on.
type order struct {
	// before must have ended before any.
	before []string
	// paused are the components that are stopped first.
	paused map[string]bool
	// early are those that start before data is brought back.
	early map[string]bool
	// revived are those that start for a backup, as they were.
	revived map[string]bool
}

// retire stops the components that the recipe no longer has, before the others
// begin: these may need their ports. They are removed last, so that there is a
// way back.
func (p *steps) retire(w Wish, have *Stamp, seen Seen) []string {
	var ids []string
	for _, name := range made(have) {
		if _, has := w.part(name); !has && (seen.Running[name] || status(have, name).GetWanted()) {
			ids = append(ids, id(name, Stop))
			p.add(name, Stop, id(name, Stop), reserveID, secretsID)
		}
	}
	return ids
}

// removals take out of the ledger what the recipe no longer has.
func (p *steps) removals(w Wish, have *Stamp) {
	rest := p.ids()
	for _, name := range made(have) {
		if _, has := w.part(name); !has {
			p.add(name, Remove, id(name, Remove), rest...)
		}
	}
}

// component plans one component: setup, migrate, start, ready, in this order
// and after what it depends on.
func (p *steps) component(w Wish, part Part, have *Stamp, seen Seen, o order) {
	c := part.Name
	needs := slices.Clone(o.before)
	for _, d := range part.DependsOn {
		needs = append(needs, w.served(d)...)
	}
	if o.paused[c] {
		needs = append(needs, w.stopID(c, have))
	} else if seen.Stale[c] {
		p.add(c, Stop, id(c, Stop), slices.Clone(needs)...)
		needs = append(needs, id(c, Stop))
	}
	if part.Setup && have.GetJobsDone()[id(c, Setup)] == "" {
		p.add(c, Setup, id(c, Setup), slices.Clone(needs)...)
		needs = append(needs, id(c, Setup))
	}
	if w.migrationDue(part, have) {
		p.add(c, Migrate, id(c, Migrate), slices.Clone(needs)...)
		needs = append(needs, id(c, Migrate))
	}
	if o.revived[c] {
		return // what else it needs is seen once the backup is made
	}
	start := o.paused[c] || seen.Stale[c] || !seen.Running[c] || changed(w, part, have)
	if start {
		p.add(c, Start, id(c, Start), slices.Concat(needs, w.settlesFirst(part, have, o))...)
		needs = append(needs, id(c, Start))
	}
	switch {
	case start || (!seen.Ready[c] && (!settled(w, have) || seen.Started[c])):
		p.add(c, Ready, id(c, Ready), needs...)
	case !seen.Ready[c] && w.verifies(c, have):
		p.add(c, Ready, id(c, Ready), needs...)
	}
}

// settlesFirst is what happens to the data before a component may work on it:
// what is brought back, and, while customers are kept out, every migration but
// those that need the component.
func (w Wish) settlesFirst(part Part, have *Stamp, o order) []string {
	var ids []string
	if w.restores(have) && !o.early[part.Name] {
		ids = append(ids, finishID)
	}
	if !w.closing(have) {
		return ids
	}
	for _, other := range w.Parts {
		if w.migrationDue(other, have) && !w.needs(other.Name, part.Name) {
			ids = append(ids, id(other.Name, Migrate))
		}
	}
	return ids
}

// needs says whether a component depends on another, directly or not.
func (w Wish) needs(component, other string) bool {
	part, _ := w.part(component)
	return slices.ContainsFunc(part.DependsOn, func(d string) bool { return d == other || w.needs(d, other) })
}

// changed says whether a component differs from its ledger entry. A generation
// that was brought about in full is not compared again: it was equal then, and
// neither a recipe nor a ledger entry changes by itself.
func changed(w Wish, part Part, have *Stamp) bool {
	e := entry(have, kindComponent, part.Name)
	if e.GetState() != pb.LedgerEntry_PRESENT || !status(have, part.Name).GetWanted() {
		return true
	}
	form := w.form(part, have)
	return (!settled(w, have) || w.Rotate != nil) && (form == "" || !compare.Same(e.GetRendered(), form))
}

// smoke plans the checks: first those in components, then through the
// customer's own URL.
func (p *steps) smoke(w Wish, have *Stamp, seen Seen) {
	if settled(w, have) && len(seen.Started) == 0 && !have.GetClosed() && w.Rotate == nil && w.Restart == nil {
		return
	}
	inside, ready := []string{}, []string{finishID, useID}
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

// destroy plans for a stamp of which nothing is to be left.
func (p *steps) destroy(have *Stamp, seen Seen) {
	if (seen.Exists || len(have.GetLedger()) > 0) && len(have.GetLeftBehind()) == 0 {
		p.add("", Destroy, destroyID, p.ids()...)
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
