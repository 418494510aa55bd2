package rpcerr

import (
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"stampworks.dev/pkg/errs"
)

// HiddenMessage is what a caller reads instead of the text of an error
// without a kind.
const HiddenMessage = "internal error"

// ToStatus gives what the caller sees of err. A status error passes as it is.
func ToStatus(err error) *status.Status {
	if err == nil {
		return status.New(codes.OK, "")
	}
	if e, ok := errs.As(err); ok {
		return encode(e, publicMessage(err, e))
	}
	if s, ok := grpcStatus(err); ok {
		return s
	}
	kind := errs.KindOf(err)
	message := HiddenMessage
	if kind != errs.Internal {
		message = kind.String()
	}
	return encode(&errs.Error{Kind: kind, Reason: errs.ReasonOf(err)}, message)
}

// grpcStatus finds a status that a library made, such as grpc itself. One of
// code UNKNOWN carries no more meaning than a plain error.
func grpcStatus(err error) (*status.Status, bool) {
	var carrier interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &carrier) {
		return nil, false
	}
	s := carrier.GRPCStatus()
	if s == nil || s.Code() == codes.OK || s.Code() == codes.Unknown {
		return nil, false
	}
	return s, true
}

// publicMessage keeps the words that were put around e on its way up, unless
// e was joined with other errors, whose texts are not meant for the caller.
func publicMessage(err error, e *errs.Error) string {
	for cur := err; cur != nil; cur = errors.Unwrap(cur) {
		if cur == error(e) { //nolint:errorlint // this very one, not what it wraps
			return err.Error()
		}
	}
	return e.Error()
}

func encode(e *errs.Error, message string) *status.Status {
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: e.Reason, Domain: Domain, Metadata: e.Metadata}}
	if len(e.Violations) > 0 {
		bad := &errdetails.BadRequest{}
		for _, v := range e.Violations {
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: v.Field, Description: v.Description})
		}
		details = append(details, bad)
	}
	if e.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
	}
	plain := status.New(Code(e.Kind), message)
	full, err := plain.WithDetails(details...)
	if err != nil { // only text that is not UTF-8 can do this
		return plain
	}
	return full
}
