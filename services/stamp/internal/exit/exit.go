// Package exit is the one place that says how `stamp` ends: the codes that
// scripts rely on, and the words that a person reads.
package exit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"stampworks.dev/services/stamp/internal/client"
)

// The codes.
const (
	OK              = 0
	Failure         = 1
	Usage           = 2
	TimedOut        = 3
	NotAuthorised   = 4
	OperationFailed = 5
	NotFound        = 6
	Conflict        = 7
	Unavailable     = 8
	Interrupted     = 130
)

// Error is an end with a code of its own.
type Error struct {
	Code int
	// Message says what happened; empty when it was said already.
	Message string
	// Next says what to do; may be empty.
	Next string
}

func (e *Error) Error() string {
	if e.Next == "" || e.Message == "" {
		return e.Message
	}
	return e.Message + "\n  " + e.Next
}

// Usagef says that the command was not given as it wants to be.
func Usagef(format string, args ...any) error {
	return &Error{Code: Usage, Message: fmt.Sprintf(format, args...)}
}

// Said ends with a code and no more words.
func Said(code int) error { return &Error{Code: code} }

// Code of an error; nil is OK.
func Code(err error) int {
	var own *Error
	var problem *client.Problem
	var unreachable *client.UnreachableError
	switch {
	case err == nil:
		return OK
	case errors.As(err, &own):
		return own.Code
	case errors.As(err, &problem):
		return codeOf(problem.Status)
	case errors.As(err, &unreachable):
		return Unavailable
	case errors.Is(err, context.Canceled):
		return Interrupted
	case errors.Is(err, context.DeadlineExceeded):
		return TimedOut
	}
	return Failure
}

func codeOf(status int) int {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return NotAuthorised
	case http.StatusNotFound:
		return NotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return Conflict
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return Unavailable
	}
	return Failure
}

// Message is what to tell of an error, with the next action where one is
// known. Empty means that nothing is left to say.
func Message(err error) string {
	var problem *client.Problem
	if !errors.As(err, &problem) {
		if errors.Is(err, context.Canceled) {
			return ""
		}
		return err.Error()
	}
	if next := nextOf(problem); next != "" {
		return err.Error() + "\n  " + next
	}
	return err.Error()
}

func nextOf(p *client.Problem) string {
	switch {
	case p.Status == http.StatusUnauthorized:
		return "give a token with --token or STAMP_TOKEN; stamp dev keeps one in .stamp/client.json"
	case p.Status == http.StatusForbidden:
		return "ask for a token whose role may do this"
	case p.Reason == "TENANT_ID_PURGED":
		return "choose another id"
	case p.Status == http.StatusConflict && p.Metadata["tenant"] != "":
		return "see it with: stamp show " + strings.TrimPrefix(p.Metadata["tenant"], "tenants/")
	case p.Status == http.StatusServiceUnavailable:
		return "see what is missing with: stamp doctor"
	}
	return ""
}
