package interceptor

import (
	"context"
	"log/slog"

	"buf.build/go/protovalidate"
	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc"
)

// Deps are what the chain needs; all are required.
type Deps struct {
	Log       *slog.Logger
	Meter     metric.Meter
	Validator protovalidate.Validator
	// TestIdentity lets a peer without a certificate name itself; see Peer.
	TestIdentity bool
	// Server ends when the server begins to stop; see Stopping.
	Server context.Context
}

// Chain gives all interceptors in their one order, outermost first. The order
// matters: recovery sees everything; log sees the status and the cause;
// nothing looks into a request before its sender is known to be allowed.
func Chain(d Deps) ([]Interceptor, error) {
	metrics, err := newInstruments(d.Meter)
	if err != nil {
		return nil, err
	}
	return []Interceptor{
		Recovery(d.Log, metrics.panics),
		Log(d.Log, metrics.refusals),
		Errors(),
		Stopping(d.Server),
		Deadline(DefaultDeadline),
		Peer(d.TestIdentity),
		Principal(),
		Access(newMethods()),
		Validation(d.Validator),
	}, nil
}

// ServerOptions gives the chain in the form that grpc.NewServer takes.
func ServerOptions(chain []Interceptor) []grpc.ServerOption {
	unary := make([]grpc.UnaryServerInterceptor, len(chain))
	stream := make([]grpc.StreamServerInterceptor, len(chain))
	for n, i := range chain {
		unary[n], stream[n] = Unary(i), Stream(i)
	}
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(unary...), grpc.ChainStreamInterceptor(stream...)}
}
