package interceptor

import (
	"context"

	"google.golang.org/grpc"
)

// Call is what an interceptor knows of a call.
type Call struct {
	// Method is the full name, "/stampworks.registry.v1.TenantService/GetTenant".
	Method string
	// Stream is true when either side streams.
	Stream bool
	// Request is the message of a unary call, nil for streams.
	Request any
	// OnMessage adds a check of every message that a stream receives.
	OnMessage func(check func(msg any) error)
}

// Interceptor wraps a call; next runs the rest of it.
type Interceptor func(ctx context.Context, call *Call, next func(context.Context) error) error

// Unary makes an interceptor serve unary calls.
func Unary(i Interceptor) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		var resp any
		call := &Call{Method: info.FullMethod, Request: req, OnMessage: func(func(any) error) {}}
		err := i(ctx, call, func(ctx context.Context) (err error) {
			resp, err = handler(ctx, req)
			return err
		})
		if err != nil {
			return nil, err
		}
		return resp, nil
	}
}

// Stream makes an interceptor serve streaming calls.
func Stream(i Interceptor) grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		wrapped := &serverStream{ServerStream: ss, ctx: ss.Context()}
		call := &Call{Method: info.FullMethod, Stream: true, OnMessage: func(check func(any) error) {
			wrapped.checks = append(wrapped.checks, check)
		}}
		return i(ss.Context(), call, func(ctx context.Context) error {
			wrapped.ctx = ctx
			return handler(srv, wrapped)
		})
	}
}

type serverStream struct {
	grpc.ServerStream
	ctx    context.Context
	checks []func(any) error
}

func (s *serverStream) Context() context.Context { return s.ctx }

func (s *serverStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	for _, check := range s.checks {
		if err := check(m); err != nil {
			return err
		}
	}
	return nil
}
