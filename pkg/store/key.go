package store

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"stampworks.dev/pkg/errs"
)

// MaxKeyBytes is the longest key, prefix included.
const MaxKeyBytes = 512

// CheckKey refuses keys that would be confused with another one or be cut
// somewhere: empty, too long, not UTF-8, with control characters, with "//", or
// ending in "/".
func CheckKey(key string) error {
	switch {
	case key == "":
		return invalidKey(key, "must not be empty")
	case len(key) > MaxKeyBytes:
		return invalidKey(key[:32]+"…", fmt.Sprintf("is %d bytes long, the limit is %d", len(key), MaxKeyBytes))
	case !utf8.ValidString(key):
		return invalidKey(key, "is not UTF-8")
	case strings.Contains(key, "//"):
		return invalidKey(key, `must not contain "//"`)
	case strings.HasSuffix(key, "/"):
		return invalidKey(key, `must not end with "/"`)
	case strings.ContainsFunc(key, unicode.IsControl):
		return invalidKey(key, "must not contain control characters")
	}
	return nil
}

// CheckID refuses what cannot follow a collection's prefix.
func CheckID(id string) error {
	if strings.HasPrefix(id, "/") {
		return invalidKey(id, `must not begin with "/"`)
	}
	return CheckKey(id)
}

func invalidKey(key, why string) error {
	return errs.Invalid("KEY_INVALID", errs.Violation{Field: fmt.Sprintf("key %q", key), Description: why})
}

func tooManyParts(conds, ops int) error {
	return errs.New(errs.TooLarge, ErrTxnTooLarge.Reason,
		"transaction with %d conditions and %d operations: the limit is %d of each: %w", conds, ops, MaxTxnOps, ErrTxnTooLarge)
}
