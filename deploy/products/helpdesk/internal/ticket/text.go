package ticket

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Longest texts, in characters.
const (
	MaxTitle = 200
	MaxBody  = 10_000
	MaxName  = 100
)

// Invalid says which field of a request is wrong and why.
type Invalid struct{ Field, Why string }

// Error implements error.
func (e *Invalid) Error() string { return e.Field + ": " + e.Why }

// Check trims the draft and says what is wrong with it, as *Invalid.
func (d *Draft) Check() error {
	var err error
	if d.Title, err = text("title", d.Title, 1, MaxTitle, false); err != nil {
		return err
	}
	if d.Body, err = text("body", d.Body, 0, MaxBody, true); err != nil {
		return err
	}
	if d.Requester, err = text("requester", d.Requester, 0, MaxName, false); err != nil {
		return err
	}
	return d.Extra.check()
}

// Check trims the comment and says what is wrong with it, as *Invalid.
func (c *Comment) Check() error {
	var err error
	if c.Body, err = text("body", c.Body, 1, MaxBody, true); err != nil {
		return err
	}
	c.Author, err = text("author", c.Author, 0, MaxName, false)
	return err
}

// text refuses what a database or a reader would choke on: broken UTF-8, NUL
// and other control characters (line ends only where lines are allowed).
func text(field, s string, least, most int, lines bool) (string, error) {
	if !utf8.ValidString(s) {
		return "", &Invalid{field, "is not valid UTF-8"}
	}
	s = strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
	switch n := utf8.RuneCountInString(s); {
	case n < least:
		return "", &Invalid{field, "is required"}
	case n > most:
		return "", &Invalid{field, fmt.Sprintf("has %d characters, at most %d are allowed", n, most)}
	}
	for _, r := range s {
		if unicode.IsControl(r) && !(lines && (r == '\n' || r == '\t')) {
			return "", &Invalid{field, fmt.Sprintf("contains the control character %U", r)}
		}
	}
	return s, nil
}
