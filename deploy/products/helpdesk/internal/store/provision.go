package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Provision makes the role and the database that databaseURL names, through a
// superuser's adminURL, and sets the role's password to the URL's, so that it
// also installs a rotated one. Calling twice is fine. PostgreSQL only.
func Provision(ctx context.Context, adminURL, databaseURL string) error {
	target, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return fmt.Errorf("parse DATABASE_URL: %w", err)
	}
	db, err := sql.Open("pgx", adminURL)
	if err != nil {
		return fmt.Errorf("open admin database: %w", err)
	}
	defer db.Close()
	role, name := pgx.Identifier{target.User}.Sanitize(), pgx.Identifier{target.Database}.Sanitize()
	steps := []struct {
		verb, sql string
		fine      []string // SQLSTATEs that mean: it was there already
	}{
		{"create role", "CREATE ROLE " + role, []string{"42710", "23505"}},
		{"set role password", "ALTER ROLE " + role + " LOGIN PASSWORD " + literal(target.Password), nil},
		{"create database", "CREATE DATABASE " + name + " OWNER " + role, []string{"42P04", "23505"}},
		{"keep others out", "REVOKE ALL ON DATABASE " + name + " FROM PUBLIC", nil},
	}
	for _, s := range steps {
		if _, err := db.ExecContext(ctx, s.sql); err != nil && !hasState(err, s.fine) {
			return fmt.Errorf("%s %q: %w", s.verb, target.User, err)
		}
	}
	return nil
}

// literal quotes a text for SQL; utility statements take no parameters.
func literal(s string) string {
	if strings.Contains(s, `\`) {
		return " E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

func hasState(err error, states []string) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	for _, s := range states {
		if pg.Code == s {
			return true
		}
	}
	return false
}
