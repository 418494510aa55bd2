package auth

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"stampworks.dev/pkg/rpc/identity"
)

// token is a line of the file.
type token struct {
	name, role string
	sum        [sha256.Size]byte
	until      time.Time // zero never ends
}

// tokenName is what a principal may be called: it goes into headers, logs and
// timelines.
var tokenName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}$`)

func read(path string) ([]token, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	defer func() { _ = file.Close() }()
	all, err := parseAll(file)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %s:%w", path, err)
	}
	return all, nil
}

// parseAll reads lines; an error begins with the line's number.
func parseAll(from io.Reader) ([]token, error) {
	var all []token
	lines, n := bufio.NewScanner(from), 0
	for lines.Scan() {
		n++
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		one, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("%d: %w", n, err)
		}
		all = append(all, one)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%d: %w", n+1, err)
	}
	return all, nil
}

// parse reads one line. Its errors never repeat the words after the role: who
// gets the order wrong may have put the token itself there.
func parse(line string) (token, error) {
	fields := strings.Fields(line)
	if len(fields) != 3 && len(fields) != 4 {
		return token{}, fmt.Errorf("want a name, a role, a sha256 and perhaps a time, got %d words", len(fields))
	}
	one := token{name: fields[0], role: fields[1]}
	if !tokenName.MatchString(one.name) {
		return token{}, errors.New("the first word is not a name of at most 63 letters, digits and ._@+-")
	}
	if !identity.KnownRole(one.role) {
		return token{}, fmt.Errorf("role %q is not known", one.role)
	}
	sum, err := hex.DecodeString(fields[2])
	if err != nil || len(sum) != sha256.Size {
		return token{}, errors.New("the third word is not a sha256 in hex")
	}
	copy(one.sum[:], sum)
	if len(fields) == 4 {
		if one.until, err = time.Parse(time.RFC3339, fields[3]); err != nil {
			return token{}, errors.New("the fourth word is not a time such as 2027-01-31T00:00:00Z")
		}
	}
	return one, nil
}
