// Package desk is the app: the JSON API, the web page, what the worker reports
// to, and the relay that sends filed jobs to the queue.
package desk

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"stampworks.dev/deploy/products/helpdesk/internal/store"
	"stampworks.dev/deploy/products/helpdesk/internal/ticket"
)

// maxBody of a request, in bytes.
const maxBody = 64 << 10

// Config is what makes this copy the customer's own.
type Config struct {
	Customer string // display name
	Tenant   string // id; decides the page's colour
	Seats    string // shown only
	Token    string // of the worker and the smoke test; empty: both are refused
}

// Database is what the desk needs of its storage beside the tickets.
type Database interface {
	ticket.Store
	Work
	Access
}

// Work is the side of storage that the worker and the relay use.
type Work interface {
	Unsent(ctx context.Context, lost time.Duration, limit int) ([]store.Job, error)
	Sent(ctx context.Context, id string) error
	Notify(ctx context.Context, n store.Notification) error
	Notifications(ctx context.Context, ticket int64) ([]store.Notification, error)
	Count(ctx context.Context) (store.Counts, error)
	Counts(ctx context.Context) (store.Counts, error)
	Beat(ctx context.Context, worker string) error
	LastBeat(ctx context.Context) (age time.Duration, ok bool, err error)
}

// Access is the side of storage that says whether, and to whom, it opens.
type Access interface {
	Ready(ctx context.Context) error
	Product() string
	IsAdmin(ctx context.Context, email, password string) (bool, error)
}

// Desk answers all of the app's requests.
type Desk struct {
	cfg  Config
	db   Database
	log  *slog.Logger
	page *page
	wake chan struct{} // tells the relay that a job may have been filed
}

// New makes the app on its database, which need not be there yet.
func New(cfg Config, db Database, log *slog.Logger) (*Desk, error) {
	p, err := newPage(cfg, db.Product())
	if err != nil {
		return nil, err
	}
	return &Desk{cfg: cfg, db: db, log: log, page: p, wake: make(chan struct{}, 1)}, nil
}

// Handler has every route: /api/ for programs, / for people, /internal/ for the
// worker.
func (d *Desk) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", d.readyz)
	d.routeAPI(mux)
	d.routePages(mux)
	d.routeInternal(mux)
	return http.MaxBytesHandler(deadline(http.NewCrossOriginProtection().Handler(mux)), maxBody)
}

// deadline keeps a slow database from piling up requests.
func deadline(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 8*time.Second)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (d *Desk) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := d.db.Ready(ctx); err != nil {
		d.log.Debug("not ready", "error", err)
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready", "reason": "the database is away or not migrated for this revision"})
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
}

// trusted tells whether the caller is the worker or the smoke test.
func (d *Desk) trusted(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && d.cfg.Token != "" && subtle.ConstantTimeCompare([]byte(token), []byte(d.cfg.Token)) == 1
}

func (d *Desk) nudge() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}
