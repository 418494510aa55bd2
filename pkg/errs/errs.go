package errs

import (
	"fmt"
	"maps"
	"strings"
	"time"
)

// Violation is one field of a request that is wrong. Field is the path in the
// request message ("tenant.inputs.seats"); Description finishes the sentence
// "the field …".
type Violation struct {
	Field       string
	Description string
}

// Error is an error with a kind. Make one with New or Invalid; treat it as
// read-only.
type Error struct {
	// Kind decides the status code.
	Kind Kind
	// Reason is the stable identifier, UPPER_SNAKE, unique within the domain.
	Reason string
	// Message is shown to the caller.
	Message string
	// Violations are the wrong fields; only with InvalidArgument.
	Violations []Violation
	// Metadata holds the facts of the message as key and value, for programs.
	Metadata map[string]string
	// RetryAfter tells the caller how long to wait; 0 says nothing.
	RetryAfter time.Duration

	cause  error
	origin *Error // what With, Because and After were called on
}

// New makes an error of the given kind. The format takes the verbs of
// fmt.Errorf, %w included; what is wrapped that way is found by errors.Is and
// is shown to the caller as part of the message. An empty reason becomes the
// kind's own name.
func New(kind Kind, reason, format string, args ...any) *Error {
	if reason == "" {
		reason = kind.reason()
	}
	e := &Error{Kind: kind, Reason: reason}
	err := fmt.Errorf(format, args...)
	e.Message = err.Error()
	if _, one := err.(interface{ Unwrap() error }); one {
		e.cause = err
	} else if _, many := err.(interface{ Unwrap() []error }); many {
		e.cause = err
	}
	return e
}

// Invalid makes an InvalidArgument error out of field violations; the message
// lists them.
func Invalid(reason string, v ...Violation) *Error {
	if reason == "" {
		reason = InvalidArgument.reason()
	}
	parts := make([]string, len(v))
	for i, one := range v {
		parts[i] = strings.TrimSpace(one.Field + ": " + one.Description)
		if one.Field == "" {
			parts[i] = one.Description
		}
	}
	msg := "invalid argument"
	if len(parts) > 0 {
		msg = strings.Join(parts, "; ")
	}
	return &Error{Kind: InvalidArgument, Reason: reason, Message: msg, Violations: v}
}

// Error gives the message.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.cause }

// Is makes a decorated copy equal to the error that it was made from.
func (e *Error) Is(target error) bool {
	for o := e.origin; o != nil; o = o.origin {
		if error(o) == target {
			return true
		}
	}
	return false
}

// With gives a copy that carries one more metadata entry.
func (e *Error) With(key, value string) *Error {
	c := e.copy()
	c.Metadata = maps.Clone(e.Metadata)
	if c.Metadata == nil {
		c.Metadata = map[string]string{}
	}
	c.Metadata[key] = value
	return c
}

// Naming is With, where the message begins with what kind of thing the key is
// and the value is its resource name: the message says which one it is too.
//
//	ErrNotFound.Naming("tenant", "tenants/acme")  tenant "acme" does not exist
func (e *Error) Naming(key, name string) *Error {
	c := e.With(key, name)
	short := name
	if collection, id, ok := strings.Cut(name, "/"); ok && collection == key+"s" && !strings.Contains(id, "/") {
		short = id
	}
	if rest, ok := strings.CutPrefix(e.Message, key+" "); ok && short != "" {
		c.Message = fmt.Sprintf("%s %q %s", key, short, rest)
	}
	return c
}

// Because gives a copy with a cause that errors.Is finds and the edge of the
// service logs, but that is not part of the message.
func (e *Error) Because(cause error) *Error {
	c := e.copy()
	c.cause = cause
	return c
}

// After gives a copy that asks the caller to wait d before trying again.
func (e *Error) After(d time.Duration) *Error {
	c := e.copy()
	c.RetryAfter = d
	return c
}

func (e *Error) copy() *Error {
	c := *e
	c.origin = e
	return &c
}
