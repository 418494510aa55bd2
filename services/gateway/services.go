package gateway

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"stampworks.dev/pkg/rpc"
)

// services are the connections to the others.
type services struct {
	registry, provisioner, health *grpc.ClientConn
}

func (s *Service) dial(cfg Config, deps Deps) (services, error) {
	var out services
	for _, one := range []struct {
		server string
		target Target
		conn   **grpc.ClientConn
	}{
		{"tenant-registry", cfg.Registry, &out.registry},
		{"provisioner", cfg.Provisioner, &out.provisioner},
		{"health", cfg.Health, &out.health},
	} {
		conn, err := rpc.Dial(
			rpc.ClientConfig{Target: one.target.Target, TLS: cfg.TLS, Server: one.server},
			rpc.ClientDeps{Log: deps.Log, Telemetry: deps.Telemetry, Service: "gateway"},
		)
		if err != nil {
			return services{}, err
		}
		s.conns = append(s.conns, conn)
		*one.conn = conn
	}
	return out, nil
}

// ready says which service does not answer. A gateway that cannot reach one
// of them still serves what the others know.
func (o services) ready(ctx context.Context) error {
	for name, conn := range map[string]*grpc.ClientConn{
		"tenant-registry": o.registry, "provisioner": o.provisioner, "health": o.health,
	} {
		resp, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
		if err != nil {
			return fmt.Errorf("%s does not answer: %w", name, err)
		}
		if resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			return fmt.Errorf("%s says %s", name, resp.GetStatus())
		}
	}
	return nil
}
