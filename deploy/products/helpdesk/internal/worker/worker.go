// Package worker takes jobs from the queue: it writes a notification for each
// and has the statistics counted. It owns no database: it reports to the app,
// so there is one worker for PostgreSQL and SQLite alike.
package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"stampworks.dev/deploy/products/helpdesk/internal/client"
	"stampworks.dev/deploy/products/helpdesk/internal/queue"
	"stampworks.dev/deploy/products/helpdesk/internal/store"
)

const (
	beatEvery = 2 * time.Second
	// freshness is the age up to which a heartbeat counts as a live worker.
	freshness = 10 * time.Second
	retry     = 200 * time.Millisecond
)

// Config of a worker.
type Config struct {
	Name      string // of this process, in its heartbeat
	Recipient string // who is told
	PublicURL string // for the link in the message; may be empty
}

// Worker does the jobs of one desk.
type Worker struct {
	cfg    Config
	app    *client.Client
	broker *queue.Broker
	log    *slog.Logger
}

// New makes a worker; Run starts it.
func New(cfg Config, app *client.Client, broker *queue.Broker, log *slog.Logger) *Worker {
	return &Worker{cfg, app, broker, log}
}

// Run works until ctx ends. Neither the app nor the queue has to be there.
func (w *Worker) Run(ctx context.Context) error {
	w.log.Info("working", "worker", w.cfg.Name)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return every(ctx, beatEvery, w.log, "heartbeat", w.beat) })
	g.Go(func() error {
		return every(ctx, retry, w.log, "jobs", func(ctx context.Context) error {
			return w.broker.Take(ctx, 5*time.Second, w.do)
		})
	})
	return g.Wait()
}

// every calls fn at once and then again and again, until ctx ends; sooner after
// a failure. It logs when fn begins to fail and when it recovers, not each time.
func every(ctx context.Context, pause time.Duration, log *slog.Logger, what string, fn func(context.Context) error) error {
	failing := false
	for {
		err := fn(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !failing:
			log.Warn(what+" failing", "error", err)
		case err == nil && failing:
			log.Info(what + " again")
		}
		failing = err != nil
		wait := pause
		if failing {
			wait = min(pause, retry)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

func (w *Worker) beat(ctx context.Context) error {
	return w.app.Do(ctx, http.MethodPost, "/internal/heartbeats", map[string]string{"worker": w.cfg.Name}, nil)
}

// do may see a job twice; the app keeps the first notification only.
func (w *Worker) do(ctx context.Context, data []byte) error {
	var job store.Job
	if err := json.Unmarshal(data, &job); err != nil {
		w.log.Error("job dropped", "error", err)
		return nil
	}
	if err := w.app.Do(ctx, http.MethodPost, "/internal/notifications", w.compose(job), nil); err != nil {
		return fmt.Errorf("write notification: %w", err)
	}
	if err := w.app.Do(ctx, http.MethodPost, "/internal/statistics", nil, nil); err != nil {
		return fmt.Errorf("count tickets: %w", err)
	}
	w.log.Info("job done", "job", job.ID, "kind", job.Kind, "ticket", job.Ticket)
	return nil
}

func (w *Worker) compose(job store.Job) store.Notification {
	what := map[string]string{
		store.JobOpened: "was opened", store.JobReplied: "has a new answer", store.JobClosed: "was closed",
	}[job.Kind]
	n := store.Notification{Job: job.ID, Ticket: job.Ticket, Recipient: w.cfg.Recipient}
	n.Subject = fmt.Sprintf("Ticket #%d %s", job.Ticket, what)
	n.Body = fmt.Sprintf("Ticket #%d %q %s.", job.Ticket, job.Title, what)
	if w.cfg.PublicURL != "" {
		n.Body += fmt.Sprintf(" %s/tickets/%d", w.cfg.PublicURL, job.Ticket)
	}
	return n
}

// Check says why no worker can be called alive: none has sent a heartbeat in
// the last 10 seconds.
func Check(ctx context.Context, app *client.Client) error {
	var beat struct {
		AgeMS *int64 `json:"age_ms"`
	}
	if err := app.Do(ctx, http.MethodGet, "/internal/heartbeats", nil, &beat); err != nil {
		return fmt.Errorf("ask for heartbeats: %w", err)
	}
	if beat.AgeMS == nil {
		return errors.New("no worker has ever sent a heartbeat")
	}
	if age := time.Duration(*beat.AgeMS) * time.Millisecond; age > freshness {
		return fmt.Errorf("last heartbeat of a worker is %s old", age.Round(time.Second))
	}
	return nil
}
