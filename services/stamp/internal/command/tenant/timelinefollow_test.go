package tenant

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

// entries is a page of a timeline with these, the newest first.
func entries(next string, ids ...string) string {
	var all []string
	for _, id := range ids {
		all = append(all, `{"name":"tenants/acme/timeline/`+id+`","action":"did.`+id+`","principal":"tokens/dana","message":"no `+id+`","createTime":"2026-03-01T09:00:00Z"}`)
	}
	return `{"timelineEntries":[` + strings.Join(all, ",") + `],"nextPageToken":"` + next + `"}`
}

// TestFollowTimeline: each entry once, the newest last, also when more came than a
// page takes and when nobody answered for a while.
func TestFollowTimeline(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answers := []struct{ token, text string }{
		{"", entries("older", "2", "1")},
		{"", entries("older", "2", "1")},
		{"", ""},
		{"", entries("more", "5", "4")},
		{"more", entries("older", "3", "2")},
		{"", entries("older", "5", "4")},
	}
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked == len(answers) {
			cancel()
			return
		}
		now := answers[asked]
		asked++
		if got := r.URL.Query().Get("page_token"); got != now.token || r.URL.Query().Get("page_size") != "2" {
			t.Errorf("call %d asks %v", asked, r.URL.RawQuery)
		}
		if now.text == "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			now.text = `{"title":"Unavailable","status":503}`
		}
		_, _ = w.Write([]byte(now.text))
	}))
	defer srv.Close()
	var out, said bytes.Buffer
	o := &timelineOptions{
		Session: &session.Session{Out: &out, Err: &said}, client: client.New(client.Config{Address: srv.URL}),
		printer: &printer.Printer{Format: printer.Table, Out: &out}, name: "tenants/acme", limit: 2,
	}
	if err := followTimeline(ctx, o, time.Millisecond); exit.Code(err) != exit.Interrupted {
		t.Errorf("ended with %v", err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Fields(line)[1])
	}
	if strings.Join(got, " ") != "did.1 did.2 did.3 did.4 did.5" || strings.Count(said.String(), "nobody answers") != 1 {
		t.Errorf("shown %v, said %q", got, &said)
	}
	if want := "2026-03-01T09:00:00Z  did.1               tokens/dana           no 1\n"; !strings.HasPrefix(out.String(), want) {
		t.Errorf("shown %q, want %q first", &out, want)
	}
}
