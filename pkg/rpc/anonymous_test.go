package rpc_test

import (
	"context"
	"crypto/tls"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"stampworks.dev/pkg/rpc/identity"
	"stampworks.dev/pkg/rpc/internal/echo"
)

// Without a client certificate nothing is answered, the health check included.
func TestWithoutAClientCertificate(t *testing.T) {
	var served atomic.Int32
	srv := serve(t, func(context.Context, string) (string, error) { served.Add(1); return "", nil })
	for name, c := range map[string]credentials.TransportCredentials{
		"TLS":     credentials.NewTLS(&tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}),
		"TLS 1.2": credentials.NewTLS(&tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}, MaxVersion: tls.VersionTLS12}),
		"none":    insecure.NewCredentials(),
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := grpc.NewClient(srv.Addr, grpc.WithTransportCredentials(c))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			ctx = metadata.AppendToOutgoingContext(ctx, identity.TestPeerKey, "gateway")
			// Not even the handshake comes to an end.
			if _, err := echo.Call(ctx, conn, "GetNote", "x"); status.Code(err) != codes.Unavailable {
				t.Errorf("a call: %v", err)
			}
			if _, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}); status.Code(err) != codes.Unavailable {
				t.Errorf("the health check: %v", err)
			}
		})
	}
	if served.Load() != 0 {
		t.Error("the handler was reached")
	}
}
