package admin_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/metric"

	"stampworks.dev/pkg/rpc/admin"
	"stampworks.dev/pkg/telemetry"
)

func run(t *testing.T, deps admin.Deps) (base string) {
	t.Helper()
	s, err := admin.New(admin.Config{}, deps)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s.Addr(), "127.0.0.1:") {
		t.Errorf("listens on %s, want loopback by default", s.Addr())
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return "http://" + s.Addr()
}

func get(t *testing.T, url, accept string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestReadiness(t *testing.T) {
	reason := errors.New("etcd does not answer")
	base := run(t, admin.Deps{Ready: func(ctx context.Context) error {
		if _, set := ctx.Deadline(); !set {
			t.Error("the check has no deadline")
		}
		return reason
	}})
	if code, body := get(t, base+"/readyz", ""); code != 503 || strings.TrimSpace(body) != `{"status":"not ready","reason":"etcd does not answer"}` {
		t.Errorf("got %d %s", code, body)
	}
	reason = nil
	if code, body := get(t, base+"/readyz", ""); code != 200 || !strings.Contains(body, `"ready"`) {
		t.Errorf("got %d %s", code, body)
	}
	if code, _ := get(t, base+"/healthz", ""); code != 200 {
		t.Errorf("healthz: %d", code)
	}
	if code, _ := get(t, base+"/", ""); code != 404 {
		t.Errorf("root: %d", code)
	}
	if code, body := get(t, base+"/debug/pprof/goroutine?debug=1", ""); code != 200 || !strings.Contains(body, "goroutine profile") {
		t.Errorf("pprof: %d %.80s", code, body)
	}
}

func TestMetricsCarryExemplars(t *testing.T) {
	tel, err := telemetry.Setup(t.Context(), telemetry.Config{Service: "test"}, telemetry.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	steps, err := tel.Meter().Float64Histogram(telemetry.MetricStepDuration, metric.WithUnit("s"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := tel.Tracer().Start(t.Context(), telemetry.SpanStep)
	steps.Record(ctx, 0.2)
	span.End()
	base := run(t, admin.Deps{Telemetry: tel})
	code, body := get(t, base+"/metrics", "application/openmetrics-text; version=1.0.0")
	if code != 200 || !strings.Contains(body, "stampworks_step_duration_seconds_bucket") || !strings.Contains(body, `trace_id="`+telemetry.TraceID(ctx)+`"`) {
		t.Errorf("got %d\n%s", code, body)
	}
	if _, plain := get(t, base+"/metrics", "text/plain"); !strings.Contains(plain, "go_goroutines") || strings.Contains(plain, "trace_id=") {
		t.Errorf("plain text:\n%s", plain)
	}
}

func TestProfilesAreForThisMachineOnly(t *testing.T) {
	s, err := admin.New(admin.Config{}, admin.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for remote, want := range map[string]int{"10.1.2.3:4": 403, "127.0.0.1:4": 200, "[::1]:4": 200, "": 403} {
		req := httptest.NewRequest(http.MethodGet, "/debug/pprof/cmdline", nil)
		req.RemoteAddr = remote
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, req)
		if rec.Code != want {
			t.Errorf("from %q: %d, want %d", remote, rec.Code, want)
		}
	}
}

func TestAnAddressInUseFailsInNew(t *testing.T) {
	s, err := admin.New(admin.Config{}, admin.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := admin.New(admin.Config{Listen: s.Addr()}, admin.Deps{}); err == nil {
		t.Error("two servers share an address")
	}
}

// On a Unix socket that only its user can enter, profiles are given as well.
func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	for range 2 { // the second finds what the first left, as after a crash
		s, err := admin.New(admin.Config{Listen: "unix:" + path}, admin.Deps{})
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("socket: %v, %v", info, err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}}}
		for _, page := range []string{"/metrics", "/debug/pprof/cmdline"} {
			resp, err := client.Get("http://admin" + page)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", page, resp.Status)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
