package store

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ErrNoAdmin means that migrate --admin was never run.
var ErrNoAdmin = errors.New("no admin user: run helpdesk migrate --admin EMAIL")

// hashRounds of PBKDF2-SHA256: OWASP's recommendation of 2023.
const hashRounds = 600_000

// EnsureAdmin makes the admin's row if it is missing; calling twice is fine.
func (d *DB) EnsureAdmin(ctx context.Context, email string) error {
	const insert = "INSERT INTO users (email, role, created) VALUES ($1, 'admin', $2) ON CONFLICT (email) DO NOTHING"
	if _, err := d.sql.ExecContext(ctx, insert, email, d.micros()); err != nil {
		return fmt.Errorf("insert admin: %w", err)
	}
	return nil
}

// ResetAdmin gives the newest admin a new password and returns it: the only
// time that anybody sees it.
func (d *DB) ResetAdmin(ctx context.Context) (email, password string, err error) {
	err = d.sql.QueryRowContext(ctx, "SELECT email FROM users WHERE role = 'admin' ORDER BY created DESC LIMIT 1").Scan(&email)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", ErrNoAdmin
	}
	if err != nil {
		return "", "", fmt.Errorf("find admin: %w", err)
	}
	password = rand.Text()
	salt := rand.Text()
	hash, err := hashPassword(password, salt)
	if err != nil {
		return "", "", err
	}
	if _, err := d.sql.ExecContext(ctx, "UPDATE users SET password_hash = $2 WHERE email = $1", email, salt+":"+hash); err != nil {
		return "", "", fmt.Errorf("store password: %w", err)
	}
	return email, password, nil
}

// IsAdmin tells whether the password is the admin's.
func (d *DB) IsAdmin(ctx context.Context, email, password string) (bool, error) {
	var kept string
	err := d.sql.QueryRowContext(ctx, "SELECT password_hash FROM users WHERE email = $1 AND role = 'admin'", email).Scan(&kept)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read password: %w", err)
	}
	salt, want, ok := strings.Cut(kept, ":")
	if !ok {
		return false, nil
	}
	got, err := hashPassword(password, salt)
	return err == nil && subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1, err
}

func hashPassword(password, salt string) (string, error) {
	key, err := pbkdf2.Key(sha256.New, password, []byte(salt), hashRounds, 32)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hex.EncodeToString(key), nil
}
