package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/testkit"
)

type watchStream = grpc.ServerStreamingServer[registryv1.WatchTenantsResponse]

// sends makes a registry whose watch sends these, then ends with err, or goes
// on until the caller leaves.
func (r *registry) sends(err error, events ...*registryv1.WatchTenantsResponse) {
	r.watch = func(_ *registryv1.WatchTenantsRequest, s watchStream) error {
		for _, e := range events {
			if err := s.Send(e); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		<-s.Context().Done()
		return s.Context().Err()
	}
}

func put(revision int64) *registryv1.WatchTenantsResponse {
	return &registryv1.WatchTenantsResponse{Type: registryv1.WatchTenantsResponse_PUT, Revision: revision, Tenant: acme()}
}

var (
	synced       = &registryv1.WatchTenantsResponse{Type: registryv1.WatchTenantsResponse_SYNCED, Revision: 41}
	errCompacted = errs.New(errs.TooLarge, "REVISION_COMPACTED", "that far back is forgotten: list again")
)

// lines reads n lines of a stream.
func lines(t *testing.T, resp *http.Response, n int) []string {
	t.Helper()
	var all []string
	from := bufio.NewScanner(resp.Body)
	for len(all) < n && from.Scan() {
		all = append(all, from.Text())
	}
	if len(all) < n {
		t.Fatalf("the stream ended after %q: %v", all, from.Err())
	}
	return all
}

// watch opens a watch that ends with the test.
func (f *front) watch(t *testing.T, path string, headers ...string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	resp := f.begin(t, ctx, http.MethodGet, path, nil, append(headers, viewerToken)...)
	t.Cleanup(func() { cancel(); _ = resp.Body.Close() })
	return resp
}

func TestWatchAsEvents(t *testing.T) {
	f := open(t)
	f.registry.sends(nil, put(0), synced, put(42))
	resp := f.watch(t, "/v1/tenants:watch", "Accept: text/event-stream")
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("type %q", kind)
	}
	if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("X-Accel-Buffering") != "no" || resp.Header.Get("X-Trace-Id") == "" {
		t.Errorf("headers: %v", resp.Header)
	}
	got := lines(t, resp, 11)
	for i, want := range []string{"event: put", "data: {", "", "id: 41", "event: synced", "data: {", "", "id: 42", "event: put", "data: {", ""} {
		if !strings.HasPrefix(got[i], want) || (want == "" && got[i] != "") {
			t.Errorf("line %d is %q, want %q", i, got[i], want)
		}
	}
}

func TestAWatchIsTakenUpWhereItBroke(t *testing.T) {
	f := open(t)
	f.registry.sends(nil, synced)
	lines(t, f.watch(t, "/v1/tenants:watch", "Accept: text/event-stream", "Last-Event-ID: 41"), 1)
	if req, _ := f.registry.last().request.(*registryv1.WatchTenantsRequest); req.GetAfterRevision() != 41 {
		t.Errorf("the registry got %v", req)
	}
	// What the URL says wins.
	lines(t, f.watch(t, "/v1/tenants:watch?after_revision=7", "Last-Event-ID: 41"), 1)
	if req, _ := f.registry.last().request.(*registryv1.WatchTenantsRequest); req.GetAfterRevision() != 7 {
		t.Errorf("the registry got %v", req)
	}
}

func TestWatchAsLines(t *testing.T) {
	f := open(t)
	f.registry.sends(errCompacted, put(42))
	for _, accept := range []string{"application/x-ndjson", "application/json", "*/*"} {
		resp := f.watch(t, "/v1/tenants:watch", "Accept: "+accept)
		if kind := resp.Header.Get("Content-Type"); kind != "application/x-ndjson" {
			t.Errorf("%s: type %q", accept, kind)
		}
		got := lines(t, resp, 2)
		var first struct {
			Result struct {
				Type, Revision string
				Tenant         struct{ Name string }
			}
		}
		if err := json.Unmarshal([]byte(got[0]), &first); err != nil || first.Result.Revision != "42" || first.Result.Tenant.Name != "tenants/acme" {
			t.Errorf("%s: got %s (%v)", accept, got[0], err)
		}
		wantStreamError(t, resp, []byte(got[1]), true)
	}
}

// wantStreamError checks a problem inside a stream, whole or in an envelope.
func wantStreamError(t *testing.T, resp *http.Response, text []byte, enveloped bool) {
	t.Helper()
	type problem struct {
		Title, Detail, Reason string
		Status                int
		TraceID               string `json:"trace_id"`
	}
	var envelope struct{ Error problem }
	into := any(&envelope)
	if !enveloped {
		into = &envelope.Error
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	want := problem{"Gone", errCompacted.Message, "REVISION_COMPACTED", http.StatusGone, resp.Header.Get("X-Trace-Id")}
	if envelope.Error != want {
		t.Errorf("got %+v, want %+v", envelope.Error, want)
	}
}

func TestAnErrorInAnEventStream(t *testing.T) {
	f := open(t)
	f.registry.sends(errCompacted, put(0))
	resp := f.watch(t, "/v1/tenants:watch", "Accept: text/event-stream")
	got := lines(t, resp, 6)
	if got[3] != "event: error" {
		t.Fatalf("got %q", got)
	}
	wantStreamError(t, resp, []byte(strings.TrimPrefix(got[4], "data: ")), false)
}

func TestAStreamThatFailsAtOnceIsAProblem(t *testing.T) {
	f := open(t)
	f.registry.sends(errCompacted)
	for _, accept := range []string{"application/x-ndjson", "text/event-stream"} {
		a := f.send(t, http.MethodGet, "/v1/tenants:watch", "", viewerToken, "Accept: "+accept)
		wantProblem(t, a, http.StatusGone, "REVISION_COMPACTED")
	}
}

func TestAnEmptyStreamIsAGoodAnswer(t *testing.T) {
	f := open(t)
	f.registry.watch = func(*registryv1.WatchTenantsRequest, watchStream) error { return nil }
	if a := f.send(t, http.MethodGet, "/v1/tenants:watch", "", viewerToken); a.status != http.StatusOK || a.text != "" {
		t.Errorf("got %d %q", a.status, a.text)
	}
}

func TestStreamsEndWithTheGateway(t *testing.T) {
	f := open(t)
	f.registry.sends(nil, put(42))
	resp := f.watch(t, "/v1/tenants:watch")
	lines(t, resp, 1)
	begin := time.Now()
	if err := f.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > drainWithin/2 {
		t.Errorf("the gateway waited %v for a stream", took)
	}
	// The first scanner may have read on; a clean end without a word would
	// look like all there is.
	_ = resp.Body.Close()

	g := open(t)
	ready := make(chan struct{})
	g.registry.watch = func(_ *registryv1.WatchTenantsRequest, s watchStream) error {
		err := s.Send(put(42))
		close(ready)
		<-s.Context().Done()
		return err
	}
	resp = g.watch(t, "/v1/tenants:watch")
	<-ready
	stopped := make(chan error, 1)
	go func() { stopped <- g.stop() }()
	got := lines(t, resp, 2)
	if !strings.Contains(got[1], `"reason":"GATEWAY_CLOSING"`) || !strings.Contains(got[1], `"status":503`) {
		t.Errorf("the stream's last word is %s", got[1])
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestAStreamOutlivesTheServersTimeouts(t *testing.T) {
	const short = 150 * time.Millisecond
	f := open(t, func(_ *Config, s *Service) {
		if s != nil {
			s.http.ReadTimeout, s.http.WriteTimeout, s.http.ReadHeaderTimeout = short, short, short
		}
	})
	ended := make(chan error, 1)
	f.registry.watch = func(_ *registryv1.WatchTenantsRequest, s watchStream) error {
		tick := time.NewTicker(4 * short)
		defer tick.Stop()
		for n := int64(1); ; n++ {
			if err := s.Send(put(n)); err != nil {
				ended <- err
				return err
			}
			select {
			case <-s.Context().Done():
				ended <- s.Context().Err()
				return s.Context().Err()
			case <-tick.C:
			}
		}
	}
	resp := f.watch(t, "/v1/tenants:watch")
	lines(t, resp, 4)
	select {
	case err := <-ended:
		t.Errorf("the stream ended: %v", err)
	default:
	}
}

func TestAReaderThatReadsNothingIsCut(t *testing.T) {
	f := open(t, func(c *Config, _ *Service) { c.HTTP.Patience = 200 * time.Millisecond })
	ended := make(chan struct{})
	large := put(1)
	large.Tenant.Annotations = map[string]string{"note": strings.Repeat("x", 64<<10)}
	f.registry.watch = func(_ *registryv1.WatchTenantsRequest, s watchStream) error {
		for {
			if err := s.Send(large); err != nil {
				close(ended)
				return err
			}
		}
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "GET /v1/tenants:watch HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", viewerToken); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("a reader that reads nothing holds the stream")
	}
}

func TestAWatchEndsWithItsReader(t *testing.T) {
	f := open(t)
	ended := make(chan struct{})
	f.registry.watch = func(_ *registryv1.WatchTenantsRequest, s watchStream) error {
		defer close(ended)
		_ = s.Send(synced)
		<-s.Context().Done()
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	resp := f.begin(t, ctx, http.MethodGet, "/v1/tenants:watch", nil, viewerToken)
	lines(t, resp, 1)
	cancel()
	_ = resp.Body.Close()
	testkit.Eventually(t, 5*time.Second, func() error {
		select {
		case <-ended:
			return nil
		default:
			return fmt.Errorf("the registry still sends")
		}
	})
}
