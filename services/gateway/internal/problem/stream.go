package problem

import (
	"context"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"

	"stampworks.dev/pkg/rpc/rpcerr"
	"stampworks.dev/pkg/telemetry"
)

// StreamStatus is how an error travels to the form that a stream is written
// in: an answer that has begun can carry no other status and no headers.
func StreamStatus(ctx context.Context, err error) *status.Status {
	s := rpcerr.ToStatus(inform(err))
	id := telemetry.TraceID(ctx)
	if id == "" {
		return s
	}
	if traced, err := s.WithDetails(&errdetails.RequestInfo{RequestId: id}); err == nil {
		return traced
	}
	return s
}

// OfStatus makes the problem of a status of StreamStatus.
func OfStatus(s *spb.Status) Problem {
	known := inform(status.FromProto(s).Err())
	traceID := ""
	for _, d := range status.FromProto(s).Details() {
		if info, ok := d.(*errdetails.RequestInfo); ok {
			traceID = info.GetRequestId()
		}
	}
	return describe(known, httpStatus(known, false), traceID)
}
