package rest

import (
	"context"
	"errors"
	"io"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"stampworks.dev/services/gateway/internal/closing"
)

const (
	// unaryWithin is how long a service may take to answer a call.
	unaryWithin = 30 * time.Second
	// waitDefault and waitMost bound operations:wait; a caller waits longer by
	// asking again.
	waitDefault = 20 * time.Second
	waitMost    = 5 * time.Minute
)

// conn bounds the calls of the API: those that answer once by time, streams by
// the end of the gateway.
type conn struct{ grpc.ClientConnInterface }

// Invoke calls with a deadline.
func (c conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if implied(ctx) {
		leaveOutOurs(args)
	}
	ctx, cancel := context.WithTimeout(ctx, patience(args))
	defer cancel()
	return c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}

// patience is how long a call may take. Waiting for an operation is meant to
// take long, and must answer before its own deadline.
func patience(args any) time.Duration {
	wait, ok := args.(*longrunningpb.WaitOperationRequest)
	if !ok {
		return unaryWithin
	}
	asked := wait.GetTimeout().AsDuration()
	if wait.GetTimeout() == nil || asked < 0 {
		asked = waitDefault
	}
	asked = min(asked, waitMost)
	wait.Timeout = durationpb.New(asked)
	return asked + unaryWithin
}

// NewStream opens a stream that ends with the gateway.
func (c conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx = closing.Until(ctx)
	s, err := c.ClientConnInterface.NewStream(ctx, desc, method, opts...)
	if err != nil {
		return nil, err
	}
	return &stream{ClientStream: s, until: ctx}, nil
}

type stream struct {
	grpc.ClientStream

	until context.Context
	ended error
}

// Header waits for the stream's first sign. One that fails before it can still
// be answered with a status of its own; only RecvMsg tells why it failed.
func (s *stream) Header() (metadata.MD, error) {
	header, err := s.ClientStream.Header()
	if err == nil && header == nil {
		s.ended = s.ClientStream.RecvMsg(&emptypb.Empty{})
		if !errors.Is(s.ended, io.EOF) {
			return nil, s.why(s.ended)
		}
	}
	return header, s.why(err)
}

// RecvMsg gives the next message.
func (s *stream) RecvMsg(m any) error {
	if s.ended != nil {
		return s.ended
	}
	return s.why(s.ClientStream.RecvMsg(m))
}

// why tells the end of the gateway from the end of the caller.
func (s *stream) why(err error) error {
	if err != nil && !errors.Is(err, io.EOF) && closing.Began(s.until) {
		return closing.Err
	}
	return err
}
