package engine

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/provisioner/internal/render"
)

// before writes into the record what a step is about to do. It is saved before
// the step begins, so whatever the step makes is in the ledger first.
func (r *run) before(s Step) error {
	switch s.Action {
	case Reserve:
		rendered, err := renderSite(r.wish.Site, siteOf(r.book.Stamp))
		if err != nil {
			return err
		}
		r.ledger(kindSite, kindSite, pb.LedgerEntry_PLANNED, rendered)
	case Setup, Migrate:
		if u := r.book.Stamp.GetUpgrade(); s.Action == Migrate && u != nil && !r.goesBack() {
			u.Migrating = true
		}
		r.ledger(kindComponent, s.Component, pb.LedgerEntry_PLANNED, r.form(s.Component))
	case Restore:
		if s.ID == fetchID {
			r.noteWhole()
		}
	case Rotate:
		if s.ID == renewID {
			r.chooseVersion()
		}
	case Open:
		r.book.Stamp.Closed = false
		if r.wish.Reopens {
			r.wholeAgain()
		}
		if !r.goesBack() {
			r.book.Stamp.Upgrade = nil // once customers write, only a person goes back
		}
		fallthrough
	case Start:
		r.ledger(kindComponent, s.Component, pb.LedgerEntry_PLANNED, r.form(s.Component))
		status(r.book.Stamp, s.Component).Wanted = true
		delete(r.seen.Ready, s.Component)
	case Close:
		r.book.Stamp.Closed = true
		fallthrough
	case Stop:
		r.ledger(kindComponent, s.Component, pb.LedgerEntry_PLANNED, "")
		r.unwant(s.Component)
	case Remove:
		r.ledger(kindComponent, s.Component, pb.LedgerEntry_DESTROYING, "")
		r.unwant(s.Component)
	case Destroy:
		r.book.Stamp.Destroyed = inventory(r.book.Stamp, r.stored)
		for _, e := range r.book.Stamp.GetLedger() {
			r.ledger(e.GetKind(), e.GetName(), pb.LedgerEntry_DESTROYING, "")
		}
		for _, c := range r.book.Stamp.GetComponents() {
			c.Wanted = false
		}
	case Report:
		r.settle()
	}
	return nil
}

// form is what the ledger is to say of a component now; empty, to leave what
// it says, of what is only started to be backed up.
func (r *run) form(component string) string {
	if r.wish.revives(component, r.book.Stamp) {
		return ""
	}
	part, _ := r.wish.part(component)
	return r.wish.form(part, r.book.Stamp)
}

func (r *run) unwant(component string) {
	if c := status(r.book.Stamp, component); c != nil {
		c.Wanted = false
	}
}

// ledger writes an entry; an empty rendering leaves the one there is, and makes
// none: what is only stopped, in a stamp that was taken over, was not made by
// this record.
func (r *run) ledger(kind, name string, state pb.LedgerEntry_State, rendered string) {
	e := entry(r.book.Stamp, kind, name)
	switch {
	case e == nil && rendered == "":
		return
	case e == nil:
		e = &pb.LedgerEntry{Kind: kind, Name: name}
		r.book.Stamp.Ledger = append(r.book.Stamp.Ledger, e)
	}
	e.State, e.UpdateTime = state, timestamppb.Now()
	if rendered != "" {
		e.Rendered = rendered
	}
}

// settle notes that the generation was brought about in full.
func (r *run) settle() {
	s := r.book.Stamp
	if r.wish.Lifecycle == pb.Stamp_RUNNING && r.wish.Reopens {
		r.wholeAgain() // also where there is no endpoint to open
	}
	s.DoneGeneration, s.Lifecycle = r.wish.Generation, r.wish.Lifecycle
	s.Failure, s.Obstacles = nil, r.settledObstacles()
	r.board.op.Failure = r.turnedBy()
	switch r.wish.Lifecycle {
	case pb.Stamp_RUNNING:
		if s.Settled = specOf(r.tenant); r.goesBack() {
			r.wentBack()
		} else {
			s.Upgrade = nil
		}
		s.Revision, s.Plan = r.tenant.GetBlueprint(), render.Plan(r.tenant, r.recipe)
		s.Endpoint, s.EndpointPath = r.recipe.Message().GetEndpoint(), ""
		if s.GetEndpoint() != "" {
			s.EndpointPath = "/"
		}
		for _, c := range r.recipe.Message().GetSmoke() {
			if c.GetHttp() != "" {
				s.EndpointPath = c.GetHttp()
				break
			}
		}
		r.board.op.Url = s.GetUrl()
	case pb.Stamp_DESTROYED:
		s.Url = ""
	}
}
