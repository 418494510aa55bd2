package harness

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The two forms of a stream.
const (
	EventStream = "text/event-stream"
	Lines       = "application/x-ndjson"
)

// eventWithin is how long an event may take to come.
const eventWithin = 20 * time.Second

// Event is one event of a watch of tenants.
type Event struct {
	Type, Tenant, Revision string
}

// Watch is a stream that is open.
type Watch struct {
	t      testing.TB
	form   string
	stop   context.CancelFunc
	events chan Event
	failed chan error
}

// Watch follows the tenants. after is the revision of the last event that was
// seen; empty begins with all tenants.
func (a *API) Watch(form, after string) *Watch {
	a.t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(a.t.Context()))
	a.t.Cleanup(stop)
	target := a.Address + "/v1/tenants:watch"
	if form == Lines && after != "" {
		target += "?after_revision=" + after
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	a.Must(err)
	req.Header.Set("Accept", form)
	req.Header.Set("Authorization", "Bearer "+a.Token)
	if form == EventStream && after != "" {
		req.Header.Set("Last-Event-ID", after) // as browsers do when they come back
	}
	resp, err := browser.Do(req)
	a.Must(err)
	a.t.Cleanup(func() { _ = resp.Body.Close() })
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(kind, form) {
		a.t.Fatalf("the watch is answered %d %q", resp.StatusCode, kind)
	}
	w := &Watch{t: a.t, form: form, stop: stop, events: make(chan Event), failed: make(chan error, 1)}
	go w.read(ctx, bufio.NewScanner(resp.Body))
	return w
}

// Close breaks it off.
func (w *Watch) Close() { w.stop() }

// Until gives the events up to the one that is waited for.
func (w *Watch) Until(last func(Event) bool) []Event {
	w.t.Helper()
	deadline := time.NewTimer(eventWithin)
	defer deadline.Stop()
	var seen []Event
	for {
		select {
		case e := <-w.events:
			seen = append(seen, e)
			if last(e) {
				return seen
			}
		case err := <-w.failed:
			w.t.Fatalf("the watch ended: %v; seen %v", err, seen)
		case <-deadline.C:
			w.t.Fatalf("no such event within %v; seen %v", eventWithin, seen)
		}
	}
}

func (w *Watch) read(ctx context.Context, lines *bufio.Scanner) {
	lines.Buffer(nil, 1<<20)
	var id string
	for lines.Scan() {
		text := lines.Bytes()
		if w.form == EventStream {
			if value, is := bytes.CutPrefix(text, []byte("id: ")); is {
				id = string(value)
			}
			var is bool
			if text, is = bytes.CutPrefix(text, []byte("data: ")); !is {
				continue
			}
		}
		e, err := decode(text)
		if err == nil && w.form == EventStream && e.Revision != id && e.Revision != "0" {
			err = fmt.Errorf("the event's id is %q, its revision %q", id, e.Revision)
		}
		if err != nil {
			w.failed <- err
			return
		}
		select {
		case w.events <- e:
		case <-ctx.Done():
			return
		}
	}
	w.failed <- fmt.Errorf("end of stream: %w", lines.Err())
}

// decode reads an event, as it is or as the result that NDJSON has it in.
func decode(text []byte) (Event, error) {
	type message struct {
		Type     string                `json:"type"`
		Revision string                `json:"revision"`
		Tenant   struct{ Name string } `json:"tenant"`
	}
	var line struct {
		message
		Result *message `json:"result"`
	}
	if err := json.Unmarshal(text, &line); err != nil {
		return Event{}, fmt.Errorf("read event: %w: %.200s", err, text)
	}
	m := line.message
	if line.Result != nil {
		m = *line.Result
	}
	if m.Type == "" {
		return Event{}, fmt.Errorf("event without type: %.300s", text)
	}
	return Event{Type: m.Type, Tenant: m.Tenant.Name, Revision: m.Revision}, nil
}
