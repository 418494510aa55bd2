package interceptor

import (
	"context"
	"errors"

	"google.golang.org/grpc/status"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/rpcerr"
)

// Errors turns what the handler returned into a status (package rpcerr). The
// original stays reachable for Log, and for nobody else.
func Errors() Interceptor {
	return func(ctx context.Context, _ *Call, next func(context.Context) error) error {
		err := next(ctx)
		if err == nil {
			return nil
		}
		return &mapped{status: rpcerr.ToStatus(err), cause: err}
	}
}

// mapped is a status for gRPC, and the cause for the log.
type mapped struct {
	status *status.Status
	cause  error
}

func (m *mapped) Error() string              { return m.status.Message() }
func (m *mapped) GRPCStatus() *status.Status { return m.status }
func (m *mapped) Unwrap() error              { return m.cause }

// detail is the cause with what errs.Error keeps out of its message.
func (m *mapped) detail() string {
	text := m.cause.Error()
	if e, ok := errs.As(m.cause); ok {
		if hidden := errors.Unwrap(e); hidden != nil && hidden.Error() != e.Message {
			text += " (because " + hidden.Error() + ")"
		}
	}
	return text
}

func reasonOf(err error) string {
	var m *mapped
	if errors.As(err, &m) {
		return errs.ReasonOf(m.cause)
	}
	return errs.ReasonOf(err)
}
