package engine

import (
	"slices"
	"strings"
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
	if w.backsUpAlone(have) {
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
	if w.staysShut(have) {
		return
	}
	if w.closing(have) {
		p.add(w.Endpoint, Open, openID, p.ids()...)
	} else if !seen.Opened || seen.Passed[customerID] {
		return
	}
	p.add("", Smoke, customerID, p.ids()...)
}
