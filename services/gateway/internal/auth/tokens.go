// Package auth tells who calls the gateway from outside: bearer tokens, of
// which only hashes are kept.
package auth

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/identity"
)

// recheck is how often the file is looked at for changes, at most.
const recheck = time.Second

// Tokens knows the API tokens of a file. Each line holds a name, a role and
// the SHA-256 of the token in hex:
//
//	admin admin 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//
// Empty lines and those that begin with "#" are passed over. A changed file is
// read again within a second; one that cannot be read leaves the last good one
// in force. Safe for concurrent use.
type Tokens struct {
	path string
	log  *slog.Logger

	mu      sync.Mutex
	checked time.Time
	seen    time.Time
	tokens  []token
}

type token struct {
	name, role string
	sum        [sha256.Size]byte
}

// Load reads the file; a mistake in it is an error that names the line.
func Load(path string, log *slog.Logger) (*Tokens, error) {
	t := &Tokens{path: path, log: log}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	if t.tokens, err = read(path); err != nil {
		return nil, err
	}
	t.seen, t.checked = info.ModTime(), time.Now()
	return t, nil
}

// Authenticate finds who presents a token. Unknown: kind Unauthenticated.
func (t *Tokens) Authenticate(presented string) (rpc.Principal, error) {
	if presented == "" {
		return rpc.Principal{}, errs.New(errs.Unauthenticated, "TOKEN_MISSING",
			"no token was sent; send one as \"Authorization: Bearer TOKEN\"")
	}
	sum := sha256.Sum256([]byte(presented))
	var found rpc.Principal
	for _, known := range t.current() {
		// All are compared, so that the time taken tells nothing.
		if subtle.ConstantTimeCompare(known.sum[:], sum[:]) == 1 {
			found = rpc.Principal{Name: "tokens/" + known.name, Role: known.role}
		}
	}
	if found.Name == "" {
		return rpc.Principal{}, errs.New(errs.Unauthenticated, "TOKEN_INVALID", "the token is not known, or was revoked")
	}
	return found, nil
}

// Line gives the line of a token, for whoever writes the file.
func Line(name, role, token string) string {
	sum := sha256.Sum256([]byte(token))
	return name + " " + role + " " + hex.EncodeToString(sum[:])
}

func (t *Tokens) current() []token {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.checked) < recheck {
		return t.tokens
	}
	t.checked = time.Now()
	info, err := os.Stat(t.path)
	if err != nil || info.ModTime().Equal(t.seen) {
		return t.tokens
	}
	next, err := read(t.path)
	if err != nil {
		t.log.Warn("the tokens file is not taken up", "error", err)
		return t.tokens
	}
	t.seen, t.tokens = info.ModTime(), next
	return t.tokens
}

func read(path string) ([]token, error) {
	file, err := os.Open(path) //nolint:gosec // the operator's own file
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	defer func() { _ = file.Close() }()
	var all []token
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		one, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("read tokens: %s:%d: %w", path, n, err)
		}
		all = append(all, one)
	}
	return all, lines.Err()
}

func parse(line string) (token, error) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return token{}, fmt.Errorf("want a name, a role and a sha256, got %d words", len(fields))
	}
	one := token{name: fields[0], role: fields[1]}
	if !identity.KnownRole(one.role) {
		return token{}, fmt.Errorf("role %q is not known", one.role)
	}
	sum, err := hex.DecodeString(fields[2])
	if err != nil || len(sum) != sha256.Size {
		return token{}, fmt.Errorf("the third word is not a sha256 in hex")
	}
	copy(one.sum[:], sum)
	return one, nil
}
