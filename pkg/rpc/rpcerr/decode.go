package rpcerr

import (
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"stampworks.dev/pkg/errs"
)

// FromError turns what a gRPC client call returned into an *errs.Error, with
// the original as its cause. server names the service that was called, for
// the message when it could not be reached. nil, and what is no status, such
// as io.EOF of a stream, come back unchanged.
func FromError(err error, server string) error {
	if err == nil {
		return nil
	}
	if _, done := errs.As(err); done {
		return err
	}
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	return decode(s, server).Because(err)
}

func decode(s *status.Status, server string) *errs.Error {
	e := &errs.Error{Kind: Kind(s.Code()), Message: s.Message()}
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			e.Reason, e.Metadata = d.GetReason(), d.GetMetadata()
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				e.Violations = append(e.Violations, errs.Violation{Field: v.GetField(), Description: v.GetDescription()})
			}
		case *errdetails.RetryInfo:
			e.RetryAfter = d.GetRetryDelay().AsDuration()
		}
	}
	if e.Reason == "" {
		fromTransport(e, s, server)
	}
	return e
}

// fromTransport gives words to what grpc itself says; its own are about
// connections and descriptors, which help nobody who called an API.
func fromTransport(e *errs.Error, s *status.Status, server string) {
	if server == "" {
		server = "the service"
	}
	switch {
	case s.Code() == codes.Unavailable:
		e.Message = server + " is not reachable"
	case s.Code() == codes.ResourceExhausted && strings.Contains(s.Message(), "larger than max"):
		e.Kind, e.Message = errs.TooLarge, "message is larger than allowed"
	case s.Code() == codes.DeadlineExceeded:
		e.Message = server + " did not answer in time"
	case e.Kind == errs.Internal:
		e.Message = HiddenMessage
	}
	e.Reason = errs.New(e.Kind, "", "").Reason
}
