package failure

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"stampworks.dev/pkg/errs"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

const (
	firstWait = time.Second
	lastWait  = 5 * time.Minute
	maxLines  = 20
)

// Error carries a failure as an error.
type Error struct{ Failure *typev1.Failure }

// Error gives the code and the message.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s", e.Failure.GetCode(), e.Failure.GetMessage())
}

// New makes a failure of a component (empty for the whole stamp) with its
// evidence, of which the last 20 lines are kept.
func New(code typev1.Failure_Code, component, message string, evidence ...string) *Error {
	r := rules[code]
	if len(evidence) > maxLines {
		evidence = evidence[len(evidence)-maxLines:]
	}
	return &Error{Failure: &typev1.Failure{
		Code: code, Owner: r.owner, Retryable: r.attempts != 1,
		Component: component, Message: message, NextAction: r.next, Evidence: evidence,
	}}
}

// NextAction is what to do about a code, in one sentence.
func NextAction(code typev1.Failure_Code) string { return rules[code].next }

// codes has what a driver's reason means to the one whose stamp it is, where
// the reason is not a code itself.
var codes = map[string]typev1.Failure_Code{
	"ARTIFACT_ADDRESS_REFUSED": typev1.Failure_ARTIFACT_INVALID,
	"ARTIFACT_DIGEST_MISMATCH": typev1.Failure_ARTIFACT_INVALID,
	"ARTIFACT_DIGEST_MISSING":  typev1.Failure_ARTIFACT_INVALID,
	"ARTIFACT_FORMAT":          typev1.Failure_ARTIFACT_INVALID,
	"ARTIFACT_NOT_LOCAL":       typev1.Failure_ARTIFACT_INVALID,
	"ARTIFACT_PATH_REFUSED":    typev1.Failure_ARTIFACT_INVALID,
	"ARTIFACT_TOO_LARGE":       typev1.Failure_ARTIFACT_INVALID,
	"ARTIFACT_UNAVAILABLE":     typev1.Failure_ARTIFACT_INVALID,
	"VERSION_INVALID":          typev1.Failure_ARTIFACT_INVALID,
}

// Of gives any error a failure: its own when it carries one; else by its
// reason; else by its kind. A full disk is one, whatever it kept from being done.
func Of(err error, component string) *typev1.Failure {
	var own *Error
	if errors.As(err, &own) {
		f := proto.CloneOf(own.Failure)
		if f.GetComponent() == "" {
			f.Component = component
		}
		return f
	}
	if c, ok := cases[errs.ReasonOf(err)]; ok {
		f := New(c.code, component, err.Error()).Failure
		f.Owner, f.NextAction = c.owner, c.next
		return f
	}
	return From(codeOf(err), component, err).Failure
}

// From makes any error a failure of a code. What went wrong in several places at
// once is all evidence.
func From(code typev1.Failure_Code, component string, err error) *Error {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	said := lines[0]
	if more := len(lines) - 1; more > 0 {
		said = fmt.Sprintf("%s; and %d more", said, more)
	}
	return New(code, component, said, lines...)
}

func codeOf(err error) typev1.Failure_Code {
	if code, ok := typev1.Failure_Code_value[errs.ReasonOf(err)]; ok && code != 0 {
		return typev1.Failure_Code(code)
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return typev1.Failure_DISK_FULL
	}
	if code, ok := codes[errs.ReasonOf(err)]; ok {
		return code
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return typev1.Failure_PORT_TAKEN
	case errs.Is(err, errs.ResourceExhausted):
		return typev1.Failure_CAPACITY_EXHAUSTED
	case errs.Is(err, errs.Unavailable):
		return typev1.Failure_CELL_UNREACHABLE
	case errs.Is(err, errs.DeadlineExceeded):
		return typev1.Failure_TIMED_OUT
	}
	return typev1.Failure_DRIVER_ERROR
}

// Attempt gives f as the failure of an attempt, counted from 1: with the last
// attempt that its code allows, it is not retryable any more; one that never was
// stays so.
func Attempt(f *typev1.Failure, attempt int32) *typev1.Failure {
	f = proto.CloneOf(f)
	most := rules[f.GetCode()].attempts
	f.Attempt, f.NextRetryTime = attempt, nil
	f.Retryable = f.GetRetryable() && (most == forever || int(attempt) < most)
	return f
}

// RetryAt notes when the next attempt is made.
func RetryAt(f *typev1.Failure, t time.Time) { f.NextRetryTime = timestamppb.New(t) }

// Backoff is how long to wait after an attempt, counted from 1: from a second
// to five minutes, doubling, less up to a quarter by jitter in [0,1).
func Backoff(attempt int32, jitter float64) time.Duration {
	wait := float64(firstWait) * math.Pow(2, float64(max(attempt, 1)-1))
	return time.Duration(min(wait, float64(lastWait)) * (1 - jitter/4))
}
