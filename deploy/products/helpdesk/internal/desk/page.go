package desk

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"stampworks.dev/deploy/products/helpdesk/internal/revision"
	"stampworks.dev/deploy/products/helpdesk/internal/store"
	"stampworks.dev/deploy/products/helpdesk/internal/ticket"
)

//go:embed page.html
var pageHTML string

//go:embed style.css
var styleCSS string

// page is everything about the look that never changes while the app runs.
type page struct {
	tmpl  *template.Template
	style template.CSS
	csp   string
	brand brand
}

type brand struct{ Customer, Seats, Line string }

// view is what one answer shows.
type view struct {
	brand
	Style   template.CSS
	Error   string
	Draft   ticket.Draft
	Counts  store.Counts
	Tickets []ticket.Ticket
	Detail  *detail
}

func newPage(cfg Config, database string) (*page, error) {
	t, err := template.New("page").Funcs(template.FuncMap{
		"when": func(at time.Time) string { return at.Format("2 Jan 2006 15:04 MST") },
	}).Parse(pageHTML)
	if err == nil {
		t, err = t.Parse(extraHTML)
	}
	if err != nil {
		return nil, fmt.Errorf("parse page: %w", err)
	}
	style := fmt.Sprintf(":root{--hue:%d}\n%s", hue(cfg.Tenant), styleCSS)
	sum := sha256.Sum256([]byte(style))
	return &page{
		tmpl: t, style: template.CSS(style), //nolint:gosec // our own style sheet and a number
		csp: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		brand: brand{
			Customer: cfg.Customer, Seats: cfg.Seats,
			Line: "private copy · revision " + revision.Name + " · its own " + database,
		},
	}, nil
}

// hue gives every tenant a colour of its own, always the same.
func hue(tenant string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(tenant)) // a hash's Write never fails
	return int(h.Sum32() % 360)
}

func (d *Desk) routePages(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", d.showList)
	mux.HandleFunc("GET /tickets/{id}", d.showTicket)
	mux.HandleFunc("POST /tickets", d.formCreate)
	mux.HandleFunc("POST /tickets/{id}/close", d.formClose)
	mux.HandleFunc("POST /tickets/{id}/comments", d.formReply)
}

func (d *Desk) showList(w http.ResponseWriter, r *http.Request) {
	d.renderList(w, r, http.StatusOK, view{})
}

func (d *Desk) renderList(w http.ResponseWriter, r *http.Request, status int, v view) {
	f, err := readFilter(r)
	if err == nil {
		v.Tickets, err = d.db.List(r.Context(), f)
	}
	if err == nil {
		v.Counts, err = d.db.Counts(r.Context())
	}
	if err != nil {
		d.sorry(w, err)
		return
	}
	d.render(w, status, v)
}

func (d *Desk) showTicket(w http.ResponseWriter, r *http.Request) {
	t, err := d.detail(r)
	if err != nil {
		d.sorry(w, err)
		return
	}
	d.render(w, http.StatusOK, view{Detail: &t})
}

func (d *Desk) formCreate(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		d.sorry(w, formError(err))
		return
	}
	draft := ticket.Draft{Title: r.PostForm.Get("title"), Body: r.PostForm.Get("body"), Requester: r.PostForm.Get("requester")}
	draft.Extra.ReadForm(r.PostForm)
	t, err := d.create(r, draft)
	if p := d.explainIf(err); p.Status == http.StatusBadRequest {
		d.renderList(w, r, p.Status, view{Error: p.Detail, Draft: draft}) // what was typed is not lost
		return
	} else if err != nil {
		d.sorryWith(w, p)
		return
	}
	http.Redirect(w, r, "/tickets/"+strconv.FormatInt(t.ID, 10), http.StatusSeeOther)
}

func (d *Desk) formReply(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		d.sorry(w, formError(err))
		return
	}
	if _, err := d.comment(r, ticket.Comment{Author: r.PostForm.Get("author"), Body: r.PostForm.Get("body")}); err != nil {
		d.sorry(w, err)
		return
	}
	http.Redirect(w, r, "/tickets/"+r.PathValue("id"), http.StatusSeeOther)
}

func (d *Desk) formClose(w http.ResponseWriter, r *http.Request) {
	id, err := pathID(r)
	if err == nil {
		_, err = d.db.Close(r.Context(), id)
	}
	if err != nil {
		d.sorry(w, err)
		return
	}
	d.nudge()
	http.Redirect(w, r, "/tickets/"+strconv.FormatInt(id, 10), http.StatusSeeOther)
}

// formError keeps "too large" and calls every other broken form a bad request.
func formError(err error) error {
	if strings.Contains(err.Error(), "request body too large") {
		return &http.MaxBytesError{Limit: maxBody}
	}
	return &ticket.Invalid{Field: "form", Why: "cannot be read"}
}

func (d *Desk) explainIf(err error) problem {
	if err == nil {
		return problem{}
	}
	return d.explain(err)
}

func (d *Desk) sorry(w http.ResponseWriter, err error) { d.sorryWith(w, d.explain(err)) }

func (d *Desk) sorryWith(w http.ResponseWriter, p problem) {
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	d.render(w, p.Status, view{Error: p.Title + ": " + p.Detail})
}

func (d *Desk) render(w http.ResponseWriter, status int, v view) {
	v.brand, v.Style = d.page.brand, d.page.style
	var out bytes.Buffer
	if err := d.page.tmpl.Execute(&out, v); err != nil {
		d.log.Error("page failed", "error", err)
		http.Error(w, "the page failed", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", d.page.csp)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the reader may have left
}
