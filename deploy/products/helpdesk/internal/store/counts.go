package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Counts are the desk's statistics as the worker last asked for them.
type Counts struct {
	Open    int64     `json:"open"`
	Closed  int64     `json:"closed"`
	Counted time.Time `json:"count_time"` // zero: never counted
}

// Count counts the tickets anew and keeps the result.
func (d *DB) Count(ctx context.Context) (Counts, error) {
	const upsert = `INSERT INTO statistics (id, open, closed, counted)
		SELECT 1, COUNT(*) - COUNT(closed), COUNT(closed), $1 FROM tickets WHERE true
		ON CONFLICT (id) DO UPDATE SET open = excluded.open, closed = excluded.closed, counted = excluded.counted`
	if _, err := d.sql.ExecContext(ctx, upsert, d.micros()); err != nil {
		return Counts{}, fmt.Errorf("count tickets: %w", err)
	}
	return d.Counts(ctx)
}

// Counts gives the kept statistics.
func (d *DB) Counts(ctx context.Context) (c Counts, err error) {
	var counted int64
	err = d.sql.QueryRowContext(ctx, "SELECT open, closed, counted FROM statistics WHERE id = 1").Scan(&c.Open, &c.Closed, &counted)
	if errors.Is(err, sql.ErrNoRows) {
		return Counts{}, nil
	}
	if err != nil {
		return Counts{}, fmt.Errorf("read statistics: %w", err)
	}
	c.Counted = fromMicros(counted)
	return c, nil
}

// Beat notes that the worker is alive, and forgets workers gone for a day.
func (d *DB) Beat(ctx context.Context, worker string) error {
	const upsert = "INSERT INTO heartbeats (worker, seen) VALUES ($1, $2) ON CONFLICT (worker) DO UPDATE SET seen = excluded.seen"
	if _, err := d.sql.ExecContext(ctx, upsert, worker, d.micros()); err != nil {
		return fmt.Errorf("note heartbeat: %w", err)
	}
	if _, err := d.sql.ExecContext(ctx, "DELETE FROM heartbeats WHERE seen < $1", d.now().Add(-24*time.Hour).UnixMicro()); err != nil {
		return fmt.Errorf("forget old heartbeats: %w", err)
	}
	return nil
}

// LastBeat is the age of the youngest heartbeat; ok is false when there is none.
func (d *DB) LastBeat(ctx context.Context) (age time.Duration, ok bool, err error) {
	var seen sql.NullInt64
	if err := d.sql.QueryRowContext(ctx, "SELECT MAX(seen) FROM heartbeats").Scan(&seen); err != nil {
		return 0, false, fmt.Errorf("read heartbeats: %w", err)
	}
	return d.now().Sub(fromMicros(seen.Int64)), seen.Valid, nil
}
