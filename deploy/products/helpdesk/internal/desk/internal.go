package desk

import (
	"net/http"

	"stampworks.dev/deploy/products/helpdesk/internal/store"
	"stampworks.dev/deploy/products/helpdesk/internal/ticket"
)

// routeInternal adds what only the worker may call; the edge never passes it on.
func (d *Desk) routeInternal(mux *http.ServeMux) {
	inner := http.NewServeMux()
	inner.HandleFunc("POST /internal/notifications", d.notify)
	inner.HandleFunc("POST /internal/statistics", d.count)
	inner.HandleFunc("POST /internal/heartbeats", d.beat)
	inner.HandleFunc("GET /internal/heartbeats", d.lastBeat)
	mux.HandleFunc("/internal/", func(w http.ResponseWriter, r *http.Request) {
		if !d.trusted(r) {
			writeProblem(w, problem{Title: "Unauthorized", Status: http.StatusUnauthorized, Detail: "for the worker only"})
			return
		}
		inner.ServeHTTP(w, r)
	})
}

func (d *Desk) notify(w http.ResponseWriter, r *http.Request) {
	var n store.Notification
	err := readJSON(r, &n)
	if err == nil {
		err = d.db.Notify(r.Context(), n)
	}
	if err != nil {
		d.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (d *Desk) count(w http.ResponseWriter, r *http.Request) {
	counts, err := d.db.Count(r.Context())
	if err != nil {
		d.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, counts)
}

func (d *Desk) beat(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Worker string `json:"worker"`
	}
	err := readJSON(r, &in)
	if err == nil && (in.Worker == "" || len(in.Worker) > ticket.MaxName) {
		err = &ticket.Invalid{Field: "worker", Why: "must have 1 to 100 characters"}
	}
	if err == nil {
		err = d.db.Beat(r.Context(), in.Worker)
	}
	if err != nil {
		d.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (d *Desk) lastBeat(w http.ResponseWriter, r *http.Request) {
	age, ok, err := d.db.LastBeat(r.Context())
	if err != nil {
		d.fail(w, err)
		return
	}
	answer := map[string]any{"age_ms": nil}
	if ok {
		answer["age_ms"] = age.Milliseconds()
	}
	writeJSON(w, http.StatusOK, answer)
}
