package store

import (
	"context"
	"database/sql"
	"fmt"

	"stampworks.dev/deploy/products/helpdesk/internal/ticket"
)

// Comments of a ticket, oldest first.
func (d *DB) Comments(ctx context.Context, id int64) ([]ticket.Comment, error) {
	rows, err := d.sql.QueryContext(ctx, "SELECT id, author, body, created FROM comments WHERE ticket = $1 ORDER BY id LIMIT 500", id)
	if err != nil {
		return nil, fmt.Errorf("list comments: %w", err)
	}
	defer rows.Close()
	list := []ticket.Comment{}
	for rows.Next() {
		var c ticket.Comment
		var created int64
		if err := rows.Scan(&c.ID, &c.Author, &c.Body, &created); err != nil {
			return nil, fmt.Errorf("read comment: %w", err)
		}
		c.Created = fromMicros(created)
		list = append(list, c)
	}
	return list, rows.Err()
}

// Reply adds a checked comment to an open ticket.
func (d *DB) Reply(ctx context.Context, id int64, c ticket.Comment) (ticket.Comment, error) {
	err := d.within(ctx, func(tx *sql.Tx) error {
		t, err := scanTicket(tx.QueryRowContext(ctx, "SELECT "+columns+" FROM tickets WHERE id = $1", id))
		if err != nil {
			return err
		}
		if t.State == ticket.Closed {
			return ticket.ErrClosed
		}
		now := d.micros()
		c.Created = fromMicros(now)
		const insert = "INSERT INTO comments (ticket, author, body, created) VALUES ($1, $2, $3, $4) RETURNING id"
		if err := tx.QueryRowContext(ctx, insert, id, c.Author, c.Body, now).Scan(&c.ID); err != nil {
			return fmt.Errorf("insert comment: %w", err)
		}
		return d.fileJob(ctx, tx, JobReplied, t)
	})
	return c, err
}
