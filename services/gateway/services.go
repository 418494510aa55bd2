package gateway

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"stampworks.dev/pkg/rpc"
)

// services are the connections to the others.
type services struct {
	registry, provisioner, health *grpc.ClientConn

	complete atomic.Bool // all have answered once
}

// dial connects to the others; they need not be there yet.
func dial(cfg Config, deps Deps) (*services, error) {
	s := &services{}
	for _, one := range []struct {
		server string
		target Target
		conn   **grpc.ClientConn
	}{
		{"tenant-registry", cfg.Registry, &s.registry},
		{"provisioner", cfg.Provisioner, &s.provisioner},
		{"health", cfg.Health, &s.health},
	} {
		conn, err := rpc.Dial(
			rpc.ClientConfig{Target: one.target.Target, TLS: cfg.TLS, Server: one.server},
			rpc.ClientDeps{Log: deps.Log, Telemetry: deps.Telemetry, Service: "gateway"},
		)
		if err != nil {
			s.close()
			return nil, err
		}
		*one.conn = conn
	}
	return s, nil
}

// readyWithin is how long the others may take to answer.
const readyWithin = 2 * time.Second

// ready says who does not answer, and whether that matters. At first all must
// have answered once. From then on only the registry's absence keeps requests
// away: deals go on being taken and tenants read while another is restarted.
func (s *services) ready(ctx context.Context) (away []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	all := []struct {
		name string
		conn *grpc.ClientConn
		err  error
	}{{name: "tenant-registry", conn: s.registry}, {name: "provisioner", conn: s.provisioner}, {name: "health", conn: s.health}}
	var asked sync.WaitGroup
	for i := range all {
		asked.Go(func() { all[i].err = serving(ctx, all[i].conn) })
	}
	asked.Wait()
	for _, one := range all {
		if one.err == nil {
			continue
		}
		away = append(away, one.name)
		if err == nil && (one.name == "tenant-registry" || !s.complete.Load()) {
			err = fmt.Errorf("%s does not answer: %w", one.name, one.err)
		}
	}
	if len(away) == 0 {
		s.complete.Store(true)
	}
	return away, err
}

func serving(ctx context.Context, conn *grpc.ClientConn) error {
	resp, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		return err
	}
	if resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return fmt.Errorf("it says %s", resp.GetStatus())
	}
	return nil
}

func (s *services) close() {
	for _, c := range []*grpc.ClientConn{s.registry, s.provisioner, s.health} {
		if c != nil {
			_ = c.Close()
		}
	}
}
