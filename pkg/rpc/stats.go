package rpc

import (
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc/stats"

	"stampworks.dev/pkg/telemetry"
)

func serverStats(t *telemetry.Telemetry) stats.Handler {
	return otelgrpc.NewServerHandler(statsOptions(t)...)
}

func clientStats(t *telemetry.Telemetry) stats.Handler {
	return otelgrpc.NewClientHandler(statsOptions(t)...)
}

func statsOptions(t *telemetry.Telemetry) []otelgrpc.Option {
	return []otelgrpc.Option{
		otelgrpc.WithTracerProvider(t.TracerProvider),
		otelgrpc.WithMeterProvider(t.MeterProvider),
		otelgrpc.WithPropagators(t.Propagator),
		otelgrpc.WithFilter(func(info *stats.RPCTagInfo) bool { return traced(info.FullMethodName) }),
	}
}

// traced leaves out what would make spans that last a day (watches) or that
// nobody asked for (health checks, reflection).
func traced(method string) bool {
	service, name, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	return !strings.HasPrefix(service, "grpc.") && !strings.HasPrefix(name, "Watch")
}
