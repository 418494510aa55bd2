package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// schema is one folder of migrations, with a subfolder per database.
type schema struct {
	files embed.FS
	dir   string
}

// migration is one step of the schema; its file is called NNNN_name.sql.
type migration struct {
	version   int
	name, sql string
}

// migrationLock is the advisory lock that lets one migration run at a time.
const migrationLock = 0x68656c70

// Schema is the version that the database is on; 0 when it has none yet.
func (d *DB) Schema(ctx context.Context) (int, error) {
	var version int
	if err := d.sql.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_migrations`).Scan(&version); err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	return version, nil
}

// Migrate brings the schema to this revision's version, each step in one
// transaction. Calling it twice, or from two places at once, is fine.
func (d *DB) Migrate(ctx context.Context) (applied int, err error) {
	all, err := migrations(d.kind)
	if err != nil {
		return 0, err
	}
	for _, m := range all {
		ran, err := d.apply(ctx, m)
		if err != nil {
			return applied, fmt.Errorf("apply migration %s: %w", m.name, err)
		}
		if ran {
			applied++
		}
	}
	return applied, nil
}

func (d *DB) apply(ctx context.Context, m migration) (ran bool, err error) {
	err = d.within(ctx, func(tx *sql.Tx) error {
		if d.kind == "postgres" { // SQLite's BEGIN IMMEDIATE is lock enough
			if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, migrationLock); err != nil {
				return err
			}
		}
		const table = `CREATE TABLE IF NOT EXISTS schema_migrations (version INT PRIMARY KEY, name TEXT NOT NULL, applied BIGINT NOT NULL)`
		if _, err := tx.ExecContext(ctx, table); err != nil {
			return err
		}
		var done bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM schema_migrations WHERE version = $1)`, m.version).Scan(&done); err != nil || done {
			return err
		}
		if _, err := tx.ExecContext(ctx, m.sql); err != nil {
			return err
		}
		ran = true
		_, err := tx.ExecContext(ctx, `INSERT INTO schema_migrations (version, name, applied) VALUES ($1, $2, $3)`, m.version, m.name, d.micros())
		return err
	})
	return ran && err == nil, err
}

// migrations lists the steps for one kind of database, oldest first.
func migrations(kind string) ([]migration, error) {
	var all []migration
	for _, s := range schemas {
		dir := path.Join(s.dir, kind)
		entries, err := s.files.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("list migrations: %w", err)
		}
		for _, e := range entries {
			number, _, _ := strings.Cut(e.Name(), "_")
			version, err := strconv.Atoi(number)
			if err != nil {
				return nil, fmt.Errorf("read version of migration %q: %w", e.Name(), err)
			}
			text, err := s.files.ReadFile(path.Join(dir, e.Name()))
			if err != nil {
				return nil, fmt.Errorf("read migration %q: %w", e.Name(), err)
			}
			all = append(all, migration{version, e.Name(), string(text)})
		}
	}
	return all, nil
}
