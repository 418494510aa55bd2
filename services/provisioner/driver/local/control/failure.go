package control

import (
	"cmp"
	"errors"
	"strings"
	"syscall"

	"stampworks.dev/services/provisioner/driver"
)

// Failure is an error on the wire.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	// Errno is the system's own error, if there was one: a full disk is a full
	// disk on this side of the socket, too.
	Errno int `json:"errno,omitempty"`
}

// Fail gives err as it goes over the wire: with the code, unless it has its own
// already.
func Fail(code string, err error) *Failure {
	f := &Failure{Code: code, Message: err.Error(), Errno: errnoOf(err)}
	if own := (*Failure)(nil); errors.As(err, &own) {
		f.Code, f.Errno = own.Code, cmp.Or(f.Errno, own.Errno)
	}
	return f
}

// errnoOf prefers what an operator can cure to what followed from it.
func errnoOf(err error) int {
	for _, full := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT} {
		if errors.Is(err, full) {
			return int(full)
		}
	}
	var errno syscall.Errno
	_ = errors.As(err, &errno) // else it is zero
	return int(errno)
}

func (f *Failure) Error() string { return f.Message }

// Is makes a stale token the driver's own error, and knows the system's.
func (f *Failure) Is(target error) bool {
	if errno, ok := target.(syscall.Errno); ok {
		return f.Errno != 0 && f.Errno == int(errno)
	}
	return f.Code == CodeStale && target == driver.ErrStaleToken
}

// UnknownRequest begins what a supervisor says of one that it does not know.
const UnknownRequest = "unknown request"

// Unheard says whether the supervisor is older than what it was asked.
func Unheard(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.Code == CodeUnknown && strings.HasPrefix(f.Message, UnknownRequest)
}
