package errs

import (
	"context"
	"errors"
)

// KindOf gives the kind of the first *Error in err's tree. The context's
// errors have kinds of their own; everything else, nil included, is Internal.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.DeadlineExceeded):
		return DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return Canceled
	default:
		return Internal
	}
}

// ReasonOf gives the reason of the first *Error in err's tree, and the name of
// the kind for other errors. It is empty for nil.
func ReasonOf(err error) string {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e) && e.Reason != "":
		return e.Reason
	default:
		return KindOf(err).reason()
	}
}

// Is reports whether err is an error of kind k; nil is of no kind.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// As gives the first *Error in err's tree.
func As(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}
