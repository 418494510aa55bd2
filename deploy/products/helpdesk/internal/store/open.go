// Package store keeps the desk's data in PostgreSQL or SQLite. The SQL is the
// same for both; only how to connect and the text of the migrations differ.
// Times are stored as microseconds since 1970.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
	_ "modernc.org/sqlite"             // the "sqlite" driver

	"stampworks.dev/deploy/products/helpdesk/internal/revision"
	"stampworks.dev/deploy/products/helpdesk/internal/ticket"
)

var _ ticket.Store = (*DB)(nil)

// DB is the desk's database. Safe for concurrent use.
type DB struct {
	sql  *sql.DB
	kind string // "postgres" or "sqlite": also the folder of its migrations
	now  func() time.Time
}

// Open takes a postgres:// URL or sqlite:/path/to/file.db. It connects only
// when used, so that a program may start before its database.
func Open(databaseURL string) (*DB, error) {
	if path, ok := strings.CutPrefix(databaseURL, "sqlite:"); ok && path != "" {
		return openSQLite(path)
	}
	if !strings.HasPrefix(databaseURL, "postgres://") && !strings.HasPrefix(databaseURL, "postgresql://") {
		return nil, errors.New("open database: DATABASE_URL must be postgres://… or sqlite:PATH")
	}
	db, err := sql.Open("pgx", databaseURL)
	if err != nil {
		return nil, fmt.Errorf("open postgres: %w", err)
	}
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(4)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return &DB{sql: db, kind: "postgres", now: time.Now}, nil
}

// openSQLite uses WAL with full syncs: a closed ticket survives a power cut.
func openSQLite(path string) (*DB, error) {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "cache_size(-2000)",
	}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	db.SetMaxOpenConns(4)
	return &DB{sql: db, kind: "sqlite", now: time.Now}, nil
}

// Disconnect lets go of all connections.
func (d *DB) Disconnect() error { return d.sql.Close() }

// Product is the database's name for people: PostgreSQL or SQLite.
func (d *DB) Product() string {
	if d.kind == "sqlite" {
		return "SQLite"
	}
	return "PostgreSQL"
}

// Ready says why the database cannot serve this revision: away, or on an older
// schema than the revision needs.
func (d *DB) Ready(ctx context.Context) error {
	have, err := d.Schema(ctx)
	if err != nil {
		return err
	}
	if have < revision.Schema {
		return fmt.Errorf("schema is version %d, revision %s needs %d: run helpdesk migrate", have, revision.Name, revision.Schema)
	}
	return nil
}

// micros is how times are stored.
func (d *DB) micros() int64 { return d.now().UnixMicro() }

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// within runs fn in one transaction.
func (d *DB) within(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := d.sql.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}
