package gateway

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/pkg/errs"
)

type received = registryv1.ReceiveDeliveryResponse

// answers makes a registry that answers every message alike.
func (r *registry) answers(resp *received, err error) {
	r.receive = func(context.Context, *registryv1.ReceiveDeliveryRequest) (*received, error) { return resp, err }
}

func TestAMessageIsHandedOnAsItCame(t *testing.T) {
	f := open(t)
	f.registry.answers(&received{Status: 202, ContentType: "text/plain; charset=utf-8", Body: []byte("stored\n")}, nil)
	body := "{\"won\": true}\r\n "
	a := f.send(t, http.MethodPost, "/hooks/hubspot?portal=7&x=%2F", body,
		"X-Signature: v1=abc", "Content-Type: application/json", "Host: deals.example.com")
	if a.status != http.StatusAccepted || a.text != "stored\n" || a.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("got %d %v %q", a.status, a.header, a.text)
	}
	last := f.registry.last()
	req, _ := last.request.(*registryv1.ReceiveDeliveryRequest)
	if req.GetName() != "sources/hubspot" || req.GetMethod() != "POST" || req.GetPath() != "/hooks/hubspot?portal=7&x=%2F" || string(req.GetBody()) != body {
		t.Errorf("the registry got %v", req)
	}
	for name, want := range map[string]string{"x-signature": "v1=abc", "content-type": "application/json", "host": "deals.example.com"} {
		if got := req.GetHeaders()[name]; got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	if !strings.HasPrefix(req.GetRemoteAddress(), "127.0.0.1:") {
		t.Errorf("from %q", req.GetRemoteAddress())
	}
	if last.principal.Name != "services/gateway" {
		t.Errorf("a message is no caller of the API, but came as %v", last.principal)
	}
}

func TestMessagesThatAreRefused(t *testing.T) {
	f := open(t)
	f.registry.answers(nil, errs.New(errs.Unauthenticated, "SIGNATURE_INVALID", "the signature does not fit"))
	large := strings.Repeat("x", 64<<10+1)
	wantProblem(t, f.send(t, http.MethodPost, "/hooks/hubspot", large), http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE")
	wantProblem(t, f.sendFrom(t, http.MethodPost, "/hooks/hubspot", slowly{strings.NewReader(large)}), http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE")
	a := f.send(t, http.MethodGet, "/hooks/hubspot", "")
	wantProblem(t, a, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
	if a.header.Get("Allow") != "POST" {
		t.Errorf("Allow is %q", a.header.Get("Allow"))
	}
	for _, path := range []string{"/hooks/", "/hooks/a/b", "/hooks/No%20Such", "/hooks/" + strings.Repeat("a", 41)} {
		if a := f.send(t, http.MethodPost, path, "{}"); a.status != http.StatusNotFound {
			t.Errorf("%s: got %d %s", path, a.status, a.text)
		}
	}
	if seen := f.registry.all(); len(seen) > 0 {
		t.Errorf("the registry was called: %v", seen)
	}
	wantProblem(t, f.send(t, http.MethodPost, "/hooks/hubspot", "{}"), http.StatusUnauthorized, "SIGNATURE_INVALID")
	f.registry.answers(nil, errs.New(errs.NotFound, "SOURCE_NOT_FOUND", "no source \"other\""))
	wantProblem(t, f.send(t, http.MethodPost, "/hooks/other", "{}"), http.StatusNotFound, "SOURCE_NOT_FOUND")
	f.registry.answers(&received{Status: 401, Body: []byte(`{"error":"no"}`), ContentType: "application/json"}, nil)
	if a := f.send(t, http.MethodPost, "/hooks/hubspot", "{}"); a.status != http.StatusUnauthorized || a.text != `{"error":"no"}` {
		t.Errorf("what the registry wants answered: got %d %s", a.status, a.text)
	}
	f.registry.answers(&received{}, nil)
	wantProblem(t, f.send(t, http.MethodPost, "/hooks/hubspot", "{}"), http.StatusInternalServerError, "ANSWER_INVALID")
}

func TestExactlyTheLargestMessage(t *testing.T) {
	f := open(t)
	f.registry.answers(&received{Status: 200}, nil)
	a := f.sendFrom(t, http.MethodPost, "/hooks/hubspot", slowly{strings.NewReader(strings.Repeat("x", 64<<10))})
	if a.status != http.StatusOK {
		t.Errorf("got %d %s", a.status, a.text)
	}
}

func TestSendersAreAskedToComeBack(t *testing.T) {
	away := open(t, func(c *Config, _ *Service) { c.Registry.Target = "127.0.0.1:1" })
	a := away.send(t, http.MethodPost, "/hooks/hubspot", "{}")
	wantProblem(t, a, http.StatusServiceUnavailable, "UNAVAILABLE")
	if a.header.Get("Retry-After") != "5" || !strings.Contains(a.text, "send the message again") {
		t.Errorf("got %v %s", a.header, a.text)
	}
	full := open(t)
	full.registry.answers(nil, errs.New(errs.ResourceExhausted, "SOURCE_FULL", "this source holds 256 MiB").After(time.Minute))
	a = full.send(t, http.MethodPost, "/hooks/hubspot", "{}")
	wantProblem(t, a, http.StatusServiceUnavailable, "SOURCE_FULL")
	if a.header.Get("Retry-After") != "60" {
		t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
	}
}
