package desk

import (
	"net/http"
	"strconv"
	"strings"

	"stampworks.dev/deploy/products/helpdesk/internal/revision"
	"stampworks.dev/deploy/products/helpdesk/internal/store"
	"stampworks.dev/deploy/products/helpdesk/internal/ticket"
)

func (d *Desk) routeAPI(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/about", d.about)
	mux.HandleFunc("GET /api/tickets", d.listTickets)
	mux.HandleFunc("POST /api/tickets", d.createTicket)
	mux.HandleFunc("GET /api/tickets/{id}", d.getTicket)
	mux.HandleFunc("DELETE /api/tickets/{id}", d.deleteTicket)
	mux.HandleFunc("POST /api/tickets/{id}", d.closeTicket) // {id}:close
	mux.HandleFunc("POST /api/tickets/{id}/close", d.closeTicket)
	mux.HandleFunc("POST /api/tickets/{id}/comments", d.reply)
}

func (d *Desk) about(w http.ResponseWriter, r *http.Request) {
	counts, err := d.db.Counts(r.Context())
	if err != nil {
		d.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"customer": d.cfg.Customer, "tenant": d.cfg.Tenant, "seats": d.cfg.Seats,
		"revision": revision.Name, "database": d.db.Product(), "statistics": counts,
	})
}

func (d *Desk) listTickets(w http.ResponseWriter, r *http.Request) {
	f, err := readFilter(r)
	if err != nil {
		d.fail(w, err)
		return
	}
	list, err := d.db.List(r.Context(), f)
	if err != nil {
		d.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"tickets": list})
}

func readFilter(r *http.Request) (f ticket.Filter, err error) {
	q := r.URL.Query()
	f.State = ticket.State(q.Get("state"))
	if f.State != "" && f.State != ticket.Open && f.State != ticket.Closed {
		return f, &ticket.Invalid{Field: "state", Why: "is neither open nor closed"}
	}
	if s := q.Get("limit"); s != "" {
		if f.Limit, err = strconv.Atoi(s); err != nil || f.Limit < 1 {
			return f, &ticket.Invalid{Field: "limit", Why: "is not a positive number"}
		}
	}
	if s := q.Get("before"); s != "" {
		if f.Before, err = strconv.ParseInt(s, 10, 64); err != nil || f.Before < 1 {
			return f, &ticket.Invalid{Field: "before", Why: "is not a ticket's number"}
		}
	}
	return f, nil
}

func (d *Desk) createTicket(w http.ResponseWriter, r *http.Request) {
	var draft ticket.Draft
	if err := readJSON(r, &draft); err != nil {
		d.fail(w, err)
		return
	}
	t, err := d.create(r, draft)
	if err != nil {
		d.fail(w, err)
		return
	}
	w.Header().Set("Location", "/api/tickets/"+strconv.FormatInt(t.ID, 10))
	writeJSON(w, http.StatusCreated, t)
}

// create is shared by the API and the form.
func (d *Desk) create(r *http.Request, draft ticket.Draft) (ticket.Ticket, error) {
	if err := draft.Check(); err != nil {
		return ticket.Ticket{}, err
	}
	defer d.nudge()
	return d.db.Create(r.Context(), draft)
}

// detail is a ticket with all that belongs to it.
type detail struct {
	ticket.Ticket
	Comments      []ticket.Comment     `json:"comments"`
	Notifications []store.Notification `json:"notifications"`
}

func (d *Desk) getTicket(w http.ResponseWriter, r *http.Request) {
	t, err := d.detail(r)
	if err != nil {
		d.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, t)
}

func (d *Desk) detail(r *http.Request) (t detail, err error) {
	id, err := pathID(r)
	if err != nil {
		return t, err
	}
	if t.Ticket, err = d.db.Get(r.Context(), id); err != nil {
		return t, err
	}
	if t.Comments, err = d.db.Comments(r.Context(), id); err != nil {
		return t, err
	}
	t.Notifications, err = d.db.Notifications(r.Context(), id)
	return t, err
}

// closeTicket answers /api/tickets/7:close and /api/tickets/7/close.
func (d *Desk) closeTicket(w http.ResponseWriter, r *http.Request) {
	ref := r.PathValue("id")
	number, verb, custom := strings.Cut(ref, ":")
	if slash := strings.HasSuffix(r.URL.Path, "/close"); slash == custom || custom && verb != "close" {
		writeProblem(w, problem{Title: "Not Found", Status: http.StatusNotFound, Detail: "no such method"})
		return
	}
	r.SetPathValue("id", number)
	id, err := pathID(r)
	if err != nil {
		d.fail(w, err)
		return
	}
	t, err := d.db.Close(r.Context(), id)
	if err != nil {
		d.fail(w, err)
		return
	}
	d.nudge()
	writeJSON(w, http.StatusOK, t)
}

func (d *Desk) reply(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Author string `json:"author"`
		Body   string `json:"body"`
	}
	if err := readJSON(r, &in); err != nil {
		d.fail(w, err)
		return
	}
	c, err := d.comment(r, ticket.Comment{Author: in.Author, Body: in.Body})
	if err != nil {
		d.fail(w, err)
		return
	}
	writeJSON(w, http.StatusCreated, c)
}

// comment is shared by the API and the form.
func (d *Desk) comment(r *http.Request, c ticket.Comment) (ticket.Comment, error) {
	id, err := pathID(r)
	if err != nil {
		return c, err
	}
	if err := c.Check(); err != nil {
		return c, err
	}
	defer d.nudge()
	return d.db.Reply(r.Context(), id, c)
}

// deleteTicket is for the smoke test (token) and the admin (password) only.
func (d *Desk) deleteTicket(w http.ResponseWriter, r *http.Request) {
	if !d.trusted(r) {
		email, password, _ := r.BasicAuth()
		ok, err := d.db.IsAdmin(r.Context(), email, password)
		if err != nil {
			d.fail(w, err)
			return
		}
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="helpdesk admin"`)
			writeProblem(w, problem{Title: "Unauthorized", Status: http.StatusUnauthorized, Detail: "only the admin deletes tickets"})
			return
		}
	}
	id, err := pathID(r)
	if err == nil {
		err = d.db.Delete(r.Context(), id)
	}
	if err == nil { // no job will do it
		_, err = d.db.Count(r.Context())
	}
	if err != nil {
		d.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func pathID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, ticket.ErrNotFound
	}
	return id, nil
}
