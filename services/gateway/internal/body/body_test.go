package body_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/gateway/internal/body"
)

const limit = 64 << 10

// server answers 413 as the gateway does.
func server(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := body.Read(w, r, limit)
		if errs.Is(err, errs.TooLarge) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		_, _ = fmt.Fprintf(w, "%d", len(text))
	}))
	t.Cleanup(s.Close)
	return s
}

// TestARefusedCallerLearnsWhy: one that sends everything before it reads, on a
// connection that it wants closed, is answered all the same.
func TestARefusedCallerLearnsWhy(t *testing.T) {
	s := server(t)
	for _, size := range []int{limit + 1, 1 << 20, 10 << 20} {
		for name, head := range map[string]string{
			"announced": fmt.Sprintf("Content-Length: %d\r\n\r\n", size),
			"chunked":   "Transfer-Encoding: chunked\r\n\r\n",
		} {
			t.Run(fmt.Sprintf("%s/%d", name, size), func(t *testing.T) {
				conn, err := net.Dial("tcp", s.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				text := strings.Repeat("x", size)
				if name == "chunked" {
					text = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", size, text)
				}
				if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n"+head+text); err != nil {
					t.Fatalf("send all: %v", err)
				}
				answer, err := io.ReadAll(conn)
				if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 413 ")) {
					t.Errorf("answered %.60q, %v", answer, err)
				}
			})
		}
	}
}

// TestWhatFitsIsRead to the last byte.
func TestWhatFitsIsRead(t *testing.T) {
	resp, err := http.Post(server(t).URL, "", strings.NewReader(strings.Repeat("x", limit)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if text, err := io.ReadAll(resp.Body); err != nil || string(text) != fmt.Sprint(limit) {
		t.Errorf("answered %q, %v", text, err)
	}
}

// TestACallerThatAsksFirst is refused before it sends anything.
func TestACallerThatAsksFirst(t *testing.T) {
	conn, err := net.Dial("tcp", server(t).Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(body.Within / 2))
	_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: gateway\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", limit+1)
	if err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 13)
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 413 " {
		t.Errorf("answered %q, %v", answer, err)
	}
}

// TestHalfABodyIsCutOff: a caller that keeps the rest to itself is answered and
// let go, whatever it announced.
func TestHalfABodyIsCutOff(t *testing.T) {
	s := server(t)
	for name, half := range map[string]string{
		"announced":           "Content-Length: 1000\r\n\r\n{",
		"chunked":             "Transfer-Encoding: chunked\r\n\r\n3e8\r\n{",
		"too large":           fmt.Sprintf("Content-Length: %d\r\n\r\n{", limit+1),
		"too large, in chunk": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s", 2*limit, strings.Repeat("x", limit+1)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(body.Within + 10*time.Second))
			if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: gateway\r\n"+half); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(conn) // until the server lets go
			if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 ")) || !bytes.Contains(answer, []byte("Connection: close")) {
				t.Errorf("answered %.60q, %v", answer, err)
			}
		})
	}
}
