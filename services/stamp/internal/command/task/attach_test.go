package task

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/session"
)

// gateway joins to a task that gives back what is typed, twice: as output and as
// an error. Its last message is the one given; empty breaks the connection.
func gateway(t *testing.T, last string) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/tenants/acme/stamp:runTask", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"title":"Bad Request","status":400,"detail":"it talks","reason":"TASK_INTERACTIVE"}`)
	})
	mux.HandleFunc("GET /v1/tenants/acme/stamp:attachTask", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "task=psql" || r.Header.Get("Authorization") != "Bearer tok" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprintf(w, `{"title":"Forbidden","status":403,"detail":"not %s as %s"}`, r.URL.RawQuery, r.Header.Get("Authorization"))
			return
		}
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = ws.CloseNow() }()
		say := func(text string) { _ = ws.Write(r.Context(), websocket.MessageText, []byte(text)) }
		say(`{"started":{}}`)
		for {
			_, text, err := ws.Read(r.Context())
			switch {
			case err != nil:
				return
			case strings.Contains(string(text), "end"):
				if last != "" {
					say(last)
				}
				return
			}
			data := strings.Split(string(text), `"`)[3]
			say(`{"data":"` + data + `"}`)
			say(`{"errorData":"` + data + `"}`)
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestAttach(t *testing.T) {
	for name, tc := range map[string]struct {
		last string
		code int
		says string
	}{
		"good":       {`{"result":{"task":"psql"}}`, exit.OK, ""},
		"exit code":  {`{"result":{"exitCode":42}}`, 42, ""},
		"killed":     {`{"result":{"exitCode":-1}}`, exit.OperationFailed, "by a signal"},
		"refused":    {`{"error":{"status":400,"detail":"nobody said anything","reason":"SESSION_IDLE"}}`, exit.Failure, "nobody said anything"},
		"cell away":  {`{"error":{"status":503,"detail":"away"}}`, exit.Unavailable, "away"},
		"broken off": {"", exit.Unavailable, "the task ended with it"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			s := &session.Session{
				In: strings.NewReader("select 1;"), Out: &out, Err: &errOut, Getenv: func(string) string { return "" }, Dir: t.TempDir(),
				Address: gateway(t, tc.last).URL, Token: "tok",
			}
			cmd := Command(s)
			cmd.SetArgs([]string{"acme", "psql"})
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			err := cmd.ExecuteContext(t.Context())
			if exit.Code(err) != tc.code || err != nil && !strings.Contains(exit.Message(err), tc.says) {
				t.Errorf("ended with %d: %v; want %d: %s", exit.Code(err), err, tc.code, tc.says)
			}
			if out.String() != "select 1;" || errOut.String() != "select 1;" {
				t.Errorf("it said %q, and %q", out.String(), errOut.String())
			}
		})
	}
}

// TestAttachInterrupted: the end of the command ends the connection.
func TestAttachInterrupted(t *testing.T) {
	var out, errOut bytes.Buffer
	typed, types := io.Pipe()
	defer func() { _ = types.Close() }()
	s := &session.Session{
		In: typed, Out: &out, Err: &errOut, Getenv: func(string) string { return "" }, Dir: t.TempDir(),
		Address: gateway(t, "").URL, Token: "tok",
	}
	cmd := Command(s)
	cmd.SetArgs([]string{"acme", "psql"})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = types.Write([]byte("select"))
		cancel()
	}()
	if err := cmd.ExecuteContext(ctx); !errors.Is(err, context.Canceled) || exit.Code(err) != exit.Interrupted {
		t.Errorf("ended with %d: %v", exit.Code(err), err)
	}
}
