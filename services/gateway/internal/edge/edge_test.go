package edge

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/telemetry"
)

// serve answers one request with h, and gives what was logged.
func serve(t *testing.T, h http.HandlerFunc) (*http.Response, string, error) {
	t.Helper()
	var log bytes.Buffer
	srv := httptest.NewServer(Wrap(h, Deps{
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo})), Telemetry: telemetry.Discard(), Patience: time.Second,
	}))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/v1/x?token=s3cret", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := srv.Client().Do(req)
	if err == nil {
		var text bytes.Buffer
		_, err = text.ReadFrom(resp.Body)
		_ = resp.Body.Close()
		resp.Header.Set("Text", strings.TrimSpace(text.String()))
	}
	srv.Close() // everything is logged after this
	return resp, log.String(), err
}

func TestAPanicIsAProblem(t *testing.T) {
	resp, log, err := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "7")
		panic("the handler's own words")
	})
	if err != nil {
		t.Fatal(err)
	}
	text := resp.Header.Get("Text")
	if resp.StatusCode != http.StatusInternalServerError || resp.Header.Get("Content-Type") != "application/problem+json" ||
		!strings.Contains(text, `"reason":"PANIC"`) || !strings.Contains(text, `"trace_id":"`+resp.Header.Get("X-Trace-Id")) {
		t.Errorf("got %d %v", resp.StatusCode, resp.Header)
	}
	if strings.Contains(text, "own words") || !strings.Contains(log, "own words") || !strings.Contains(log, "edge_test.go") {
		t.Errorf("the caller read %s, the log %s", text, log)
	}
}

func TestAPanicInTheMiddleCutsTheAnswer(t *testing.T) {
	_, log, err := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half of"))
		_ = http.NewResponseController(w).Flush()
		panic("late")
	})
	if err == nil {
		t.Error("half an answer looks like a whole one")
	}
	if !strings.Contains(log, "late") {
		t.Errorf("the log: %s", log)
	}
}

func TestTheLogTellsWhatWasRefusedAndNoSecret(t *testing.T) {
	for status, level := range map[int]string{200: "", 404: "", 401: "INFO", 403: "INFO", 503: "WARN"} {
		_, log, err := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if err != nil {
			t.Fatal(err)
		}
		if (level == "") != (log == "") || !strings.Contains(log, level) {
			t.Errorf("%d: logged %q, want level %q", status, log, level)
		}
		if strings.Contains(log, "s3cret") {
			t.Errorf("the log holds the query: %s", log)
		}
	}
}

func TestALargeAnswerIsWhole(t *testing.T) {
	large := strings.Repeat("0123456789", 100_000)
	resp, _, err := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n, err := w.Write([]byte(large)); n != len(large) || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	})
	if err != nil || resp.Header.Get("Text") != large {
		t.Errorf("got %d bytes, %v", len(resp.Header.Get("Text")), err)
	}
}
