package errs

import "fmt"

// Kind classifies an error by what the caller can do about it. Kinds are
// named after the canonical codes of AIP-193 where one exists.
type Kind int

// The kinds, each with the status code that the rpc package sends for it.
const (
	Internal           Kind = iota // a bug or an unexpected state: INTERNAL, cause hidden
	InvalidArgument                // the request is wrong whatever the state: INVALID_ARGUMENT
	NotFound                       // NOT_FOUND
	AlreadyExists                  // ALREADY_EXISTS
	Conflict                       // somebody else wrote first; read again: ABORTED
	FailedPrecondition             // the state does not allow it now: FAILED_PRECONDITION
	Unauthenticated                // who are you: UNAUTHENTICATED
	PermissionDenied               // you may not: PERMISSION_DENIED
	ResourceExhausted              // a quota or a capacity is used up: RESOURCE_EXHAUSTED
	Unavailable                    // the transport failed; trying again is safe: UNAVAILABLE
	Unimplemented                  // UNIMPLEMENTED
	TooLarge                       // the payload exceeds a limit: OUT_OF_RANGE; HTTP 413
	DeadlineExceeded               // DEADLINE_EXCEEDED
	Canceled                       // the caller went away: CANCELED
)

var kindNames = [...]string{
	"internal", "invalid argument", "not found", "already exists", "conflict",
	"failed precondition", "unauthenticated", "permission denied", "resource exhausted",
	"unavailable", "unimplemented", "too large", "deadline exceeded", "canceled",
}

// String gives the kind in lower-case words.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return kindNames[k]
}

// reason is the reason of an error that was made without one.
func (k Kind) reason() string {
	switch k {
	case InvalidArgument:
		return "INVALID_ARGUMENT"
	case NotFound:
		return "NOT_FOUND"
	case AlreadyExists:
		return "ALREADY_EXISTS"
	case Conflict:
		return "CONFLICT"
	case FailedPrecondition:
		return "FAILED_PRECONDITION"
	case Unauthenticated:
		return "UNAUTHENTICATED"
	case PermissionDenied:
		return "PERMISSION_DENIED"
	case ResourceExhausted:
		return "RESOURCE_EXHAUSTED"
	case Unavailable:
		return "UNAVAILABLE"
	case Unimplemented:
		return "UNIMPLEMENTED"
	case TooLarge:
		return "TOO_LARGE"
	case DeadlineExceeded:
		return "DEADLINE_EXCEEDED"
	case Canceled:
		return "CANCELED"
	default:
		return "INTERNAL"
	}
}
