// Package auth tells who calls the gateway from outside: bearer tokens, of
// which only hashes are kept.
package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
)

// recheck is how often the file is looked at for changes, at most.
const recheck = time.Second

// Tokens knows the API tokens of a file. Each line holds a name, a role, the
// SHA-256 of the token in hex, and, where the token is to expire, a time:
//
//	admin admin 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//	sheet viewer 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752 2027-01-31T00:00:00Z
//
// Empty lines and those that begin with "#" are passed over. Two lines may hold
// the same name, so that a token can be replaced without a gap. A changed file
// is read again within a second; one that cannot be read leaves the last good
// one in force. Safe for concurrent use.
type Tokens struct {
	path string
	log  *slog.Logger

	mu      sync.Mutex
	checked time.Time
	seen    stamp
	fault   string // what was last wrong with the file, told once
	tokens  []token
}

// stamp tells one state of the file from another.
type stamp struct {
	modified time.Time
	size     int64
}

// Load reads the file; a mistake in it is an error that names the line.
func Load(path string, log *slog.Logger) (*Tokens, error) {
	t := &Tokens{path: path, log: log}
	seen, err := stampOf(path)
	if err != nil {
		return nil, err
	}
	if t.tokens, err = read(path); err != nil {
		return nil, err
	}
	t.seen, t.checked = seen, time.Now()
	return t, nil
}

// Bearer gives the token that a request presents (RFC 6750 §2.1), or nothing.
func Bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// Authenticate finds who presents a token. Unknown: kind Unauthenticated.
func (t *Tokens) Authenticate(presented string) (rpc.Principal, error) {
	if presented == "" {
		return rpc.Principal{}, errs.New(errs.Unauthenticated, "TOKEN_MISSING",
			"no token was sent; send one as \"Authorization: Bearer TOKEN\"")
	}
	sum := sha256.Sum256([]byte(presented))
	var found *token
	all := t.current()
	for i := range all {
		// All are compared, so that the time taken tells nothing.
		if subtle.ConstantTimeCompare(all[i].sum[:], sum[:]) == 1 {
			found = &all[i]
		}
	}
	switch {
	case found == nil:
		return rpc.Principal{}, errs.New(errs.Unauthenticated, "TOKEN_INVALID", "the token is not known, or was revoked")
	case !found.until.IsZero() && time.Now().After(found.until):
		return rpc.Principal{}, errs.New(errs.Unauthenticated, "TOKEN_EXPIRED", "the token expired at %s", found.until.Format(time.RFC3339))
	}
	return rpc.Principal{Name: "tokens/" + found.name, Role: found.role}, nil
}

// Line gives the line of a token, for whoever writes the file.
func Line(name, role, token string) string {
	sum := sha256.Sum256([]byte(token))
	return name + " " + role + " " + hex.EncodeToString(sum[:])
}

// current gives the tokens in force.
func (t *Tokens) current() []token {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.checked) < recheck {
		return t.tokens
	}
	t.checked = time.Now()
	seen, err := stampOf(t.path)
	if err == nil && seen == t.seen {
		return t.tokens
	}
	var next []token
	if err == nil {
		next, err = read(t.path)
	}
	if err != nil {
		if t.fault != err.Error() {
			t.log.Warn("the tokens file is not taken up; the last good one stays in force", "error", err)
		}
		t.fault = err.Error()
		return t.tokens
	}
	t.seen, t.tokens, t.fault = seen, next, ""
	t.log.Info("the tokens file was read again", "tokens", len(next))
	return t.tokens
}

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, fmt.Errorf("read tokens: %w", err)
	}
	return stamp{modified: info.ModTime(), size: info.Size()}, nil
}
