package rpcerr

import (
	"google.golang.org/grpc/codes"

	"stampworks.dev/pkg/errs"
)

// Domain is the domain of every ErrorInfo of ours.
const Domain = "stampworks.dev"

var codeOf = map[errs.Kind]codes.Code{
	errs.Internal:           codes.Internal,
	errs.InvalidArgument:    codes.InvalidArgument,
	errs.NotFound:           codes.NotFound,
	errs.AlreadyExists:      codes.AlreadyExists,
	errs.Conflict:           codes.Aborted,
	errs.FailedPrecondition: codes.FailedPrecondition,
	errs.Unauthenticated:    codes.Unauthenticated,
	errs.PermissionDenied:   codes.PermissionDenied,
	errs.ResourceExhausted:  codes.ResourceExhausted,
	errs.Unavailable:        codes.Unavailable,
	errs.Unimplemented:      codes.Unimplemented,
	errs.TooLarge:           codes.OutOfRange,
	errs.DeadlineExceeded:   codes.DeadlineExceeded,
	errs.Canceled:           codes.Canceled,
}

// Code gives the status code of a kind.
func Code(k errs.Kind) codes.Code {
	if c, ok := codeOf[k]; ok {
		return c
	}
	return codes.Internal
}

// Kind gives the kind of a status code; codes that we never send are Internal.
func Kind(c codes.Code) errs.Kind {
	for k, code := range codeOf {
		if code == c {
			return k
		}
	}
	return errs.Internal
}
