// Package probe asks one thing whether it serves: over HTTP, TCP or
// grpc.health.v1, or through the provisioner where a command must be run in
// the component's own place.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	"stampworks.dev/services/health/internal/debounce"
)

// DefaultTimeout is how long one answer may take.
const DefaultTimeout = 3 * time.Second

// maxBody is how much of an HTTP answer is read: enough to be polite.
const maxBody = 64 << 10

// Checker runs a component's exec probe in its place, or tells whether its
// process runs when it has none.
type Checker interface {
	// Check reports whether the component serves, and what was seen. An error
	// means that there was no answer at all.
	Check(ctx context.Context, tenant, component string) (ok bool, message string, err error)
}

// Prober asks. It is safe for concurrent use.
type Prober struct {
	checker Checker
	client  *http.Client
}

// New makes a prober. Connections are not kept: each probe proves that a new
// customer could connect.
func New(checker Checker) *Prober {
	return &Prober{
		checker: checker,
		client: &http.Client{
			Transport:     &http.Transport{DisableKeepAlives: true, Proxy: nil},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Ask asks once. The second result is false when nothing could be learned,
// which must not count against the component.
func (p *Prober) Ask(ctx context.Context, tenant, component string, t *provisionerv1.ProbeTarget) (debounce.Answer, bool) {
	timeout := t.GetTimeout().AsDuration()
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	begin := time.Now()
	message, err := p.ask(ctx, tenant, component, t)
	a := debounce.Answer{At: time.Now(), OK: err == nil, Message: message, Latency: time.Since(begin)}
	if err == nil {
		slow := t.GetSlow().AsDuration()
		a.Slow = slow > 0 && a.Latency > slow
		return a, true
	}
	var none noAnswerError
	if errors.As(err, &none) {
		return a, false
	}
	a.Message = explain(err, timeout)
	return a, true
}

// noAnswerError says that the probe could not be made at all.
type noAnswerError struct{ cause error }

func (e noAnswerError) Error() string { return "no answer: " + e.cause.Error() }

func (p *Prober) ask(ctx context.Context, tenant, component string, t *provisionerv1.ProbeTarget) (string, error) {
	switch {
	case t.GetUrl() != "":
		return p.askHTTP(ctx, t)
	case t.GetTcp() != "":
		return askTCP(ctx, t.GetTcp())
	case t.GetGrpc() != "":
		return askGRPC(ctx, t.GetGrpc())
	default:
		return p.askChecker(ctx, tenant, component)
	}
}

func (p *Prober) askHTTP(ctx context.Context, t *provisionerv1.ProbeTarget) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.GetUrl(), nil)
	if err != nil {
		return "", noAnswerError{err}
	}
	req.Header.Set("User-Agent", "stampworks-health")
	resp, err := p.client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody)); err != nil {
		return "", err
	}
	want := int(t.GetStatus())
	if (want == 0 && resp.StatusCode/100 == 2) || resp.StatusCode == want {
		return fmt.Sprintf("HTTP %d", resp.StatusCode), nil
	}
	return "", fmt.Errorf("HTTP %d", resp.StatusCode)
}

func askTCP(ctx context.Context, addr string) (string, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	return "accepts connections", conn.Close()
}

func askGRPC(ctx context.Context, addr string) (string, error) {
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return "", noAnswerError{err}
	}
	defer func() { _ = conn.Close() }()
	resp, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true))
	if err != nil {
		return "", err
	}
	if resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return "", errors.New(resp.GetStatus().String())
	}
	return "SERVING", nil
}

func (p *Prober) askChecker(ctx context.Context, tenant, component string) (string, error) {
	ok, message, err := p.checker.Check(ctx, tenant, component)
	switch {
	case err != nil:
		return "", noAnswerError{err}
	case !ok:
		return "", errors.New(message)
	}
	return message, nil
}

// explain says in a few words, for people, why a probe failed.
func explain(err error, timeout time.Duration) string {
	var timedOut net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timedOut) && timedOut.Timeout():
		return fmt.Sprintf("no answer within %v", timeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF):
		return "connection closed without an answer"
	}
	return err.Error()
}
