package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// callWithin bounds one call.
const callWithin = 15 * time.Second

// browser keeps no connection: each request proves that a new one can be made.
var browser = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// API is a script that calls the gateway.
type API struct {
	t       testing.TB
	Address string
	Token   string
}

// NewAPI gives a caller of any gateway.
func NewAPI(t testing.TB, address, token string) *API {
	return &API{t: t, Address: address, Token: token}
}

// On gives the same caller for a subtest, whose failures are its own.
func (a *API) On(t testing.TB) *API { return &API{t: t, Address: a.Address, Token: a.Token} }

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Problem is an error's body (RFC 9457).
type Problem struct {
	Status     int               `json:"status"`
	Title      string            `json:"title"`
	Detail     string            `json:"detail"`
	Reason     string            `json:"reason"`
	Domain     string            `json:"domain"`
	TraceID    string            `json:"trace_id"`
	Metadata   map[string]string `json:"metadata"`
	Violations []struct {
		Field       string `json:"field"`
		Description string `json:"description"`
	} `json:"violations"`
}

// Header is one header of a request: name, value.
type Header [2]string

// Send makes one request with any body. It fails the test only when there is
// no answer at all.
func (a *API) Send(method, path string, body []byte, headers ...Header) Answer {
	a.t.Helper()
	answer, err := a.try(method, path, body, headers...)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer
}

func (a *API) try(method, path string, body []byte, headers ...Header) (Answer, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.t.Context()), callWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, a.Address+path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	if a.Token != "" {
		req.Header.Set("Authorization", "Bearer "+a.Token)
	}
	req.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		req.Header.Set(h[0], h[1])
	}
	resp, err := browser.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: text}, err
}

// Call sends a message and reads the answer; what is no 2xx is an error.
func (a *API) Call(method, path string, send, into proto.Message, headers ...Header) error {
	var body []byte
	if send != nil {
		var err error
		if body, err = protojson.Marshal(send); err != nil {
			return err
		}
	}
	answer, err := a.try(method, path, body, headers...)
	if err != nil {
		return err
	}
	if answer.Status/100 != 2 {
		return fmt.Errorf("%s %s: %d %s", method, path, answer.Status, bytes.TrimSpace(answer.Body))
	}
	if into == nil {
		return nil
	}
	return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(answer.Body, into)
}

// Read is a GET into a message.
func (a *API) Read(path string, into proto.Message) error {
	return a.Call(http.MethodGet, path, nil, into)
}

// Must fails the test on an error.
func (a *API) Must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// Problem reads an error's body; anything but problem+json fails the test.
func (a *API) Problem(answer Answer) Problem {
	a.t.Helper()
	var p Problem
	if kind := answer.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/problem+json") {
		a.t.Fatalf("answer %d is %q, not a problem: %.300s", answer.Status, kind, answer.Body)
	}
	if err := json.Unmarshal(answer.Body, &p); err != nil {
		a.t.Fatalf("read problem: %v: %.300s", err, answer.Body)
	}
	if p.Status != answer.Status {
		a.t.Errorf("the problem says %d, the answer is %d", p.Status, answer.Status)
	}
	return p
}
