package engine

import (
	"slices"
	"strings"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
)

// Ids of the steps by which customers are kept out and let in.
const (
	closeID = "endpoint.close"
	openID  = "endpoint.open"
	// customerID is the check, after opening, that customers are served.
	customerID = "smoke.customer"
)

// pause plans to stop what must not run while data changes, those who use
// others first, and gives the ids of the stops: those before a backup, and those
// after it, of what is backed up. The first of them closes the endpoint to
// customers who have data.
func (p *steps) pause(w Wish, have *Stamp, seen Seen, o *order) (stops, late []string) {
	data := w.backedUp(have)
	delete(data, w.Endpoint) // customers write through it
	needers := map[string][]string{}
	for _, part := range w.Parts {
		for _, d := range part.DependsOn {
			needers[d] = append(needers[d], part.Name)
		}
	}
	o.paused = map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if _, done := o.paused[name]; done {
			return
		}
		closes := name == w.Endpoint && w.closing(have) && !have.GetClosed()
		o.paused[name] = closes || seen.Running[name]
		after := slices.Clone(o.before)
		for _, n := range needers[name] {
			visit(n)
			after = append(after, w.stopID(n, have))
		}
		switch {
		case closes:
			p.add(name, Close, closeID, after...)
			stops = append(stops, closeID)
		case !seen.Running[name]:
		case data[name]:
			p.add(name, Stop, id(name, Stop), append(after, keepID)...)
			late = append(late, id(name, Stop))
		default:
			p.add(name, Stop, id(name, Stop), after...)
			stops = append(stops, id(name, Stop))
		}
	}
	w.still(have, needers, visit)
	return stops, late
}

// still visits the components that must not run, not those who use them.
func (w Wish) still(have *Stamp, needers map[string][]string, visit func(string)) {
	if w.closing(have) && !have.GetClosed() {
		visit(w.Endpoint)
		if was, _, _ := strings.Cut(have.GetEndpoint(), "."); was != w.Endpoint {
			if _, has := w.part(was); has {
				visit(was)
			}
		}
	}
	for _, part := range w.Parts {
		if w.migrationDue(part, have) {
			visit(part.Name)
		}
	}
	if w.backsUp(have) && !w.Backup.Hot {
		for _, c := range w.Backup.Components {
			visitAll(needers[c], visit)
		}
	}
	if w.restores(have) && (lived(have) || have.GetAdopted() != "") { // what was taken over may run
		for _, c := range w.Restore.Components {
			visitAll(needers[c], visit)
			if w.Restore.Stopped[c] {
				visit(c)
			}
		}
	}
}

func visitAll(names []string, visit func(string)) {
	for _, n := range names {
		visit(n)
	}
}

// stopID is the step that ends a component.
func (w Wish) stopID(component string, have *Stamp) string {
	if component == w.Endpoint && w.closing(have) && !have.GetClosed() {
		return closeID
	}
	return id(component, Stop)
}

// open plans to let customers in, last, and to see that they are served.
func (p *steps) open(w Wish, have *Stamp, seen Seen) {
	if w.closing(have) {
		p.add(w.Endpoint, Open, openID, p.ids()...)
	} else if !seen.Opened || seen.Passed[customerID] {
		return
	}
	p.add("", Smoke, customerID, p.ids()...)
}

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
			p.revive(c, have, &before)
		case data[c] && seen.Started[c] && !seen.Ready[c]:
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

// revive starts a component of a stamp that is to be backed up once more.
func (p *steps) revive(component string, have *Stamp, before *[]string) {
	var needs []string
	for _, d := range status(have, component).GetDependsOn() {
		needs = append(needs, id(d, Start), id(d, Ready))
	}
	p.add(component, Start, id(component, Start), needs...)
	p.add(component, Ready, id(component, Ready), append(needs, id(component, Start))...)
	*before = append(*before, id(component, Start), id(component, Ready))
}

// backedUp are the components that run while a last backup is made: those with
// a job, and what they need.
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
	return data
}
