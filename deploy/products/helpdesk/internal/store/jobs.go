package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"time"

	"stampworks.dev/deploy/products/helpdesk/internal/ticket"
)

// What a job tells the worker to do something about.
const (
	JobOpened  = "ticket.opened"
	JobReplied = "ticket.replied"
	JobClosed  = "ticket.closed"
)

// Job is one row of the outbox: filed with the change that caused it, sent to
// the queue afterwards, done when the worker has reported its result.
type Job struct {
	ID     string `json:"id"`
	Ticket int64  `json:"ticket"`
	Kind   string `json:"kind"`
	Title  string `json:"title"`
}

func (d *DB) fileJob(ctx context.Context, tx *sql.Tx, kind string, t ticket.Ticket) error {
	const insert = "INSERT INTO jobs (id, ticket, kind, title, created) VALUES ($1, $2, $3, $4, $5)"
	if _, err := tx.ExecContext(ctx, insert, rand.Text(), t.ID, kind, t.Title, d.micros()); err != nil {
		return fmt.Errorf("file job: %w", err)
	}
	return nil
}

// Unsent lists the oldest jobs that were never sent, and those sent longer than
// lost ago whose result never came (the queue may have lost its volume).
func (d *DB) Unsent(ctx context.Context, lost time.Duration, limit int) ([]Job, error) {
	const query = "SELECT id, ticket, kind, title FROM jobs WHERE done IS NULL AND (published IS NULL OR published < $1) ORDER BY created LIMIT $2"
	rows, err := d.sql.QueryContext(ctx, query, d.now().Add(-lost).UnixMicro(), limit)
	if err != nil {
		return nil, fmt.Errorf("list unsent jobs: %w", err)
	}
	defer rows.Close()
	var list []Job
	for rows.Next() {
		var j Job
		if err := rows.Scan(&j.ID, &j.Ticket, &j.Kind, &j.Title); err != nil {
			return nil, fmt.Errorf("read job: %w", err)
		}
		list = append(list, j)
	}
	return list, rows.Err()
}

// Sent notes that the queue holds the job.
func (d *DB) Sent(ctx context.Context, id string) error {
	if _, err := d.sql.ExecContext(ctx, "UPDATE jobs SET published = $2 WHERE id = $1", id, d.micros()); err != nil {
		return fmt.Errorf("mark job as sent: %w", err)
	}
	return nil
}

// Notification is the message that one job led to.
type Notification struct {
	Job       string    `json:"job"`
	Ticket    int64     `json:"ticket"`
	Recipient string    `json:"recipient"`
	Subject   string    `json:"subject"`
	Body      string    `json:"body"`
	Created   time.Time `json:"create_time"`
}

// Notify keeps the notification and marks its job done. A second one for the
// same job, or one for a deleted ticket, changes nothing.
func (d *DB) Notify(ctx context.Context, n Notification) error {
	return d.within(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE jobs SET done = $2 WHERE id = $1 AND done IS NULL", n.Job, d.micros())
		if err != nil {
			return fmt.Errorf("mark job as done: %w", err)
		}
		if changed, err := res.RowsAffected(); err != nil || changed == 0 {
			return err
		}
		const insert = "INSERT INTO notifications (job, ticket, recipient, subject, body, created) SELECT id, ticket, $2, $3, $4, $5 FROM jobs WHERE id = $1"
		if _, err := tx.ExecContext(ctx, insert, n.Job, n.Recipient, n.Subject, n.Body, d.micros()); err != nil {
			return fmt.Errorf("insert notification: %w", err)
		}
		return nil
	})
}

// Notifications about a ticket, oldest first.
func (d *DB) Notifications(ctx context.Context, id int64) ([]Notification, error) {
	rows, err := d.sql.QueryContext(ctx, "SELECT job, ticket, recipient, subject, body, created FROM notifications WHERE ticket = $1 ORDER BY created LIMIT 100", id)
	if err != nil {
		return nil, fmt.Errorf("list notifications: %w", err)
	}
	defer rows.Close()
	list := []Notification{}
	for rows.Next() {
		var n Notification
		var created int64
		if err := rows.Scan(&n.Job, &n.Ticket, &n.Recipient, &n.Subject, &n.Body, &created); err != nil {
			return nil, fmt.Errorf("read notification: %w", err)
		}
		n.Created = fromMicros(created)
		list = append(list, n)
	}
	return list, rows.Err()
}
