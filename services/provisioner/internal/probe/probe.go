// Package probe asks components over the network whether they serve: HTTP, a
// TCP connection, or grpc.health.v1. Probes that are commands run in the
// component's place, through its driver, and are not here.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"stampworks.dev/pkg/blueprint"
)

// answerWithin is how long one answer may take.
const answerWithin = 3 * time.Second

// Network asks over the network. The zero value is ready; it is safe for
// concurrent use.
type Network struct{}

var client = &http.Client{
	Transport: &http.Transport{DisableKeepAlives: true}, // and no proxy: cells are near
	CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	},
}

// Ask gives what was answered, in a few words, and an error when that is not
// what the probe wants.
func (Network) Ask(ctx context.Context, p blueprint.Probe) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	switch {
	case p.HTTP != "":
		return get(ctx, p.HTTP, p.Status)
	case p.TCP != "":
		return connect(ctx, p.TCP)
	case p.GRPC != "":
		return serving(ctx, p.GRPC)
	}
	return "", errors.New("probe: neither http, tcp nor grpc")
}

// get asks a URL; status 0 accepts any 2xx.
func get(ctx context.Context, url string, status int) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", url, err)
	}
	req.Header.Set("User-Agent", "stampworks-probe")
	res, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", url, err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if (status == 0 && res.StatusCode/100 != 2) || (status != 0 && res.StatusCode != status) {
		return "", fmt.Errorf("ask %s: answered %s", url, res.Status)
	}
	return "answered " + res.Status, nil
}

func connect(ctx context.Context, address string) (string, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", fmt.Errorf("connect to %s: %w", address, err)
	}
	return "accepted a connection", conn.Close()
}

func serving(ctx context.Context, address string) (string, error) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", address, err)
	}
	defer func() { _ = conn.Close() }()
	res, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", address, err)
	}
	if res.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return "", fmt.Errorf("ask %s: answered %s", address, res.GetStatus())
	}
	return "answered SERVING", nil
}

// Answers asks whether a URL answers at all: anything below a server error.
func (Network) Answers(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", url, err)
	}
	res, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", url, err)
	}
	_ = res.Body.Close()
	if res.StatusCode >= http.StatusInternalServerError {
		return "", fmt.Errorf("ask %s: answered %s", url, res.Status)
	}
	return "answered " + res.Status, nil
}
