package rpc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/pkg/rpc/rpcerr"
)

// clientUnary gives calls a deadline and turns statuses into kinds.
func clientUnary(cfg ClientConfig, deps ClientDeps) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if _, set := ctx.Deadline(); !set {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, cfg.Timeout)
			defer cancel()
		}
		return rpcerr.FromError(invoke(withTestPeer(ctx, cfg, deps), method, req, reply, cc, opts...), cfg.Server)
	}
}

// clientStream turns statuses into kinds; streams last as long as they last.
func clientStream(cfg ClientConfig, deps ClientDeps) grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		cs, err := open(withTestPeer(ctx, cfg, deps), desc, cc, method, opts...)
		if err != nil {
			return nil, rpcerr.FromError(err, cfg.Server)
		}
		return &mappedStream{ClientStream: cs, server: cfg.Server}, nil
	}
}

// withTestPeer names the caller where no certificate does.
func withTestPeer(ctx context.Context, cfg ClientConfig, deps ClientDeps) context.Context {
	if cfg.TLS.Enabled() || deps.Service == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, identity.TestPeerKey, deps.Service)
}

// mappedStream turns the statuses of a stream into kinds; io.EOF stays.
type mappedStream struct {
	grpc.ClientStream
	server string
}

func (s *mappedStream) Header() (metadata.MD, error) {
	md, err := s.ClientStream.Header()
	return md, rpcerr.FromError(err, s.server)
}

func (s *mappedStream) SendMsg(m any) error {
	return rpcerr.FromError(s.ClientStream.SendMsg(m), s.server)
}

func (s *mappedStream) RecvMsg(m any) error {
	return rpcerr.FromError(s.ClientStream.RecvMsg(m), s.server)
}

func (s *mappedStream) CloseSend() error {
	return rpcerr.FromError(s.ClientStream.CloseSend(), s.server)
}
