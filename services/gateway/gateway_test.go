package gateway

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	healthv1 "stampworks.dev/proto/gen/go/stampworks/health/v1"
	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/rpctest"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/services/gateway/internal/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// front is a gateway before services of the test's own, over mutual TLS.
type front struct {
	url      string
	registry *registry
	health   *fleetHealth
	stamps   stamps
	backups  backups
	spans    *tracetest.SpanRecorder
	stop     func() error
	client   *http.Client
	tokens   string
}

// setup changes a gateway before it runs.
type setup func(*Config, *Service)

func open(t *testing.T, changes ...setup) *front {
	t.Helper()
	f := &front{
		registry: &registry{}, spans: tracetest.NewSpanRecorder(), client: &http.Client{Transport: &http.Transport{}},
		health: &fleetHealth{health: &healthv1.FleetHealth{
			Summary: "The one customer is up.", Counts: map[string]int32{"HEALTHY": 1},
			Tenants: []*healthv1.TenantHealth{{Name: "tenants/acme/health", State: typev1.HealthState_HEALTHY}},
		}},
	}
	t.Cleanup(f.client.CloseIdleConnections)
	authority := rpctest.NewAuthority(t)
	serve := func(service string, register func(grpc.ServiceRegistrar)) string {
		return rpctest.ServeWith(t, authority, rpc.ServerDeps{Service: service}, register).Addr
	}
	cfg := Default()
	cfg.HTTP.Listen, cfg.TLS, cfg.TokensFile = "127.0.0.1:0", authority.TLS(t, "gateway"), filepath.Join(t.TempDir(), "tokens")
	cfg.Registry.Target = serve("tenant-registry", func(r grpc.ServiceRegistrar) {
		registryv1.RegisterTenantServiceServer(r, f.registry)
		registryv1.RegisterIntakeServiceServer(r, f.registry)
	})
	cfg.Provisioner.Target = serve("provisioner", func(r grpc.ServiceRegistrar) {
		provisionerv1.RegisterStampServiceServer(r, &f.stamps)
		provisionerv1.RegisterBackupServiceServer(r, &f.backups)
	})
	cfg.Health.Target = serve("health", func(r grpc.ServiceRegistrar) { healthv1.RegisterHealthServiceServer(r, f.health) })
	f.tokens = cfg.TokensFile
	f.setTokens(t, auth.Line("admin", "admin", "adm"), auth.Line("eve", "viewer", "view"))
	for _, change := range changes {
		change(&cfg, nil)
	}
	f.run(t, cfg, changes)
	return f
}

func (f *front) setTokens(t *testing.T, lines ...string) {
	t.Helper()
	if err := os.WriteFile(f.tokens, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (f *front) run(t *testing.T, cfg Config, changes []setup) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	tel, err := telemetry.Setup(t.Context(), telemetry.Config{Service: "gateway"}, telemetry.Deps{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	tel.TracerProvider = newRecordingProvider(f.spans)
	svc, err := New(t.Context(), cfg, Deps{Log: log, Telemetry: tel})
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		change(&cfg, svc)
	}
	f.url = "http://" + svc.Addr()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- svc.Run(ctx) }()
	stopped := false
	f.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		err := <-done
		_ = tel.Shutdown(context.Background())
		return err
	}
	t.Cleanup(func() {
		if err := f.stop(); err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
}

// field gives a top-level field of a JSON answer.
func (a answer) field(name string) any {
	var all map[string]any
	_ = json.Unmarshal([]byte(a.text), &all)
	return all[name]
}

// send makes a request; headers are "Name: value".
func (f *front) send(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	var from io.Reader
	if body != "" {
		from = strings.NewReader(body)
	}
	return f.sendFrom(t, method, path, from, headers...)
}

func (f *front) sendFrom(t *testing.T, method, path string, body io.Reader, headers ...string) answer {
	t.Helper()
	resp := f.begin(t, t.Context(), method, path, body, headers...)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// begin makes a request and gives its response to be read as it comes.
func (f *front) begin(t *testing.T, ctx context.Context, method, path string, body io.Reader, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, f.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	f.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := f.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

const (
	adminToken  = "Authorization: Bearer adm"
	viewerToken = "Authorization: Bearer view"
)

// wantProblem checks an answer that is not good: its form, its status and its
// reason.
func wantProblem(t *testing.T, a answer, status int, reason string) {
	t.Helper()
	if a.status != status || a.field("reason") != reason || a.field("status") != float64(status) {
		t.Errorf("got %d %s, want %d %s", a.status, a.text, status, reason)
	}
	if kind := a.header.Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("the problem is of type %q", kind)
	}
	for _, name := range []string{"title", "detail", "trace_id"} {
		if text, _ := a.field(name).(string); text == "" {
			t.Errorf("the problem has no %s: %s", name, a.text)
		}
	}
	if id := a.header.Get("X-Trace-Id"); id == "" || id != a.field("trace_id") {
		t.Errorf("X-Trace-Id is %q, the problem's %v", id, a.field("trace_id"))
	}
}

func TestReady(t *testing.T) {
	f := open(t)
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if a := f.send(t, http.MethodGet, path, ""); a.status != http.StatusOK || a.text != want {
			t.Errorf("%s: got %d %q, want %q", path, a.status, a.text, want)
		}
	}
}

func TestNotReadyBeforeAllHaveAnswered(t *testing.T) {
	f := open(t, func(c *Config, _ *Service) { c.Health.Target = "127.0.0.1:1" })
	a := f.send(t, http.MethodGet, "/readyz", "")
	if a.status != http.StatusServiceUnavailable || a.field("reason") != "NOT_READY" || !strings.Contains(a.text, "health does not answer") {
		t.Errorf("got %d %s", a.status, a.text)
	}
	// What the others know is served all the same.
	if a := f.send(t, http.MethodGet, "/v1/tenants/acme", "", adminToken); a.status != http.StatusOK {
		t.Errorf("got %d %s", a.status, a.text)
	}
	// Once all have answered, health may be restarted without a deal being refused.
	var kept *services
	g := open(t, func(_ *Config, s *Service) {
		if s != nil {
			kept = s.others
		}
	})
	if _, err := kept.ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = kept.health.Close()
	if a := g.send(t, http.MethodGet, "/readyz", ""); a.status != http.StatusOK || a.text != "ready, without health\n" {
		t.Errorf("got %d %q", a.status, a.text)
	}
	_ = kept.registry.Close()
	if a := g.send(t, http.MethodGet, "/readyz", ""); a.status != http.StatusServiceUnavailable {
		t.Errorf("without the registry: got %d %q", a.status, a.text)
	}
}

func TestConfigNamesAllThatIsMissing(t *testing.T) {
	err := Config{}.Validate()
	for _, want := range []string{"http.listen", "registry.target", "provisioner.target", "health.target", "tokens_file"} {
		if err == nil || !strings.Contains(err.Error(), want+" is not set") {
			t.Errorf("got %v, want it to name %s", err, want)
		}
	}
}

func TestRunningRequestsMayFinish(t *testing.T) {
	f := open(t)
	arrived, finish := make(chan struct{}), make(chan struct{})
	f.registry.receive = func(context.Context, *registryv1.ReceiveDeliveryRequest) (*registryv1.ReceiveDeliveryResponse, error) {
		close(arrived)
		<-finish
		return &registryv1.ReceiveDeliveryResponse{Status: 202}, nil
	}
	got := make(chan answer, 1)
	go func() { got <- f.send(t, http.MethodPost, "/hooks/hubspot", "{}") }()
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- f.stop() }()
	waitUntilRefused(t, f.url)
	close(finish)
	if a := <-got; a.status != http.StatusAccepted {
		t.Errorf("a deal that came just before the end: got %d %s", a.status, a.text)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// waitUntilRefused waits until nobody new is let in.
func waitUntilRefused(t *testing.T, url string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		resp, err := client.Get(url + "/healthz")
		if err != nil {
			return
		}
		_ = resp.Body.Close()
	}
	t.Fatal("the gateway still lets requests in")
}
