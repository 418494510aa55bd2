package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"stampworks.dev/deploy/products/helpdesk/internal/ticket"
)

// columns of a ticket, in the order that scanTicket reads them.
var columns = strings.Join(append([]string{"id", "title", "body", "requester", "created", "closed"}, ticket.Extra{}.Columns()...), ", ")

// Create stores a checked draft and files the job that tells people.
func (d *DB) Create(ctx context.Context, draft ticket.Draft) (t ticket.Ticket, err error) {
	names := append([]string{"title", "body", "requester", "created"}, draft.Extra.Columns()...)
	args := append([]any{draft.Title, draft.Body, draft.Requester, d.micros()}, draft.Extra.Values()...)
	marks := make([]string, len(args))
	for i := range marks {
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	insert := "INSERT INTO tickets (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(marks, ", ") + ") RETURNING " + columns
	err = d.within(ctx, func(tx *sql.Tx) error {
		if t, err = scanTicket(tx.QueryRowContext(ctx, insert, args...)); err != nil {
			return fmt.Errorf("insert ticket: %w", err)
		}
		return d.fileJob(ctx, tx, JobOpened, t)
	})
	return t, err
}

// List gives the newest tickets first.
func (d *DB) List(ctx context.Context, f ticket.Filter) (list []ticket.Ticket, err error) {
	where, args := "1 = 1", []any{}
	if f.State == ticket.Open {
		where = "closed IS NULL"
	} else if f.State == ticket.Closed {
		where = "closed IS NOT NULL"
	}
	if f.Before > 0 {
		args = append(args, f.Before)
		where += " AND id < $1"
	}
	limit := f.Limit
	if limit <= 0 {
		limit = 100
	}
	rows, err := d.sql.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM tickets WHERE %s ORDER BY id DESC LIMIT %d", columns, where, min(limit, 500)), args...)
	if err != nil {
		return nil, fmt.Errorf("list tickets: %w", err)
	}
	defer rows.Close()
	list = []ticket.Ticket{}
	for rows.Next() {
		t, err := scanTicket(rows)
		if err != nil {
			return nil, fmt.Errorf("read ticket: %w", err)
		}
		list = append(list, t)
	}
	return list, rows.Err()
}

// Get finds one ticket.
func (d *DB) Get(ctx context.Context, id int64) (ticket.Ticket, error) {
	return scanTicket(d.sql.QueryRowContext(ctx, "SELECT "+columns+" FROM tickets WHERE id = $1", id))
}

// Close closes a ticket; on a closed one it changes nothing.
func (d *DB) Close(ctx context.Context, id int64) (t ticket.Ticket, err error) {
	const update = "UPDATE tickets SET closed = $2 WHERE id = $1 AND closed IS NULL RETURNING "
	err = d.within(ctx, func(tx *sql.Tx) error {
		t, err = scanTicket(tx.QueryRowContext(ctx, update+columns, id, d.micros()))
		if errors.Is(err, ticket.ErrNotFound) { // absent, or closed before
			t, err = scanTicket(tx.QueryRowContext(ctx, "SELECT "+columns+" FROM tickets WHERE id = $1", id))
			return err
		}
		if err != nil {
			return fmt.Errorf("close ticket: %w", err)
		}
		return d.fileJob(ctx, tx, JobClosed, t)
	})
	return t, err
}

// Delete removes a ticket with its comments, jobs and notifications.
func (d *DB) Delete(ctx context.Context, id int64) error {
	res, err := d.sql.ExecContext(ctx, "DELETE FROM tickets WHERE id = $1", id)
	if err != nil {
		return fmt.Errorf("delete ticket: %w", err)
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return ticket.ErrNotFound
	}
	return nil
}

type row interface{ Scan(...any) error }

func scanTicket(r row) (t ticket.Ticket, err error) {
	var created int64
	var closed sql.NullInt64
	targets := append([]any{&t.ID, &t.Title, &t.Body, &t.Requester, &created, &closed}, t.Extra.Targets()...)
	if err := r.Scan(targets...); errors.Is(err, sql.ErrNoRows) {
		return t, ticket.ErrNotFound
	} else if err != nil {
		return t, err
	}
	t.State, t.Created = ticket.Open, fromMicros(created)
	if closed.Valid {
		at := fromMicros(closed.Int64)
		t.State, t.Closed = ticket.Closed, &at
	}
	return t, nil
}
