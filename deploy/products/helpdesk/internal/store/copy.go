package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
)

// Backup writes a consistent copy of a SQLite database to a new file.
// PostgreSQL has pg_dump for this.
func (d *DB) Backup(ctx context.Context, to string) error {
	if d.kind != "sqlite" {
		return errors.New("back up database: only SQLite is copied here, use pg_dump")
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove unfinished copy: %w", err)
	}
	if _, err := d.sql.ExecContext(ctx, "VACUUM INTO $1", to); err != nil {
		return fmt.Errorf("copy database: %w", err)
	}
	return nil
}

// Restore checks the copy and puts it in the place of the SQLite database at
// path. Nothing may have that database open.
func Restore(ctx context.Context, from, path string) error {
	db, err := sql.Open("sqlite", from)
	if err != nil {
		return fmt.Errorf("open copy: %w", err)
	}
	var verdict string
	err = errors.Join(db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&verdict), db.Close())
	if err != nil {
		return fmt.Errorf("check copy: %w", err)
	}
	if verdict != "ok" {
		return fmt.Errorf("check copy: it is damaged: %s", verdict)
	}
	fresh := path + ".restoring"
	if err := copyFile(from, fresh); err != nil {
		return err
	}
	for _, old := range []string{path + "-wal", path + "-shm"} {
		if err := os.Remove(old); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove old journal: %w", err)
		}
	}
	if err := os.Rename(fresh, path); err != nil {
		return fmt.Errorf("put copy in place: %w", err)
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("open copy: %w", err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("write database: %w", err)
	}
	return nil
}
