package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
)

func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return New(Config{Address: srv.URL + "/", Token: "secret"})
}

func TestGetDecodesAndAuthenticates(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" || r.URL.Path != "/v1/tenants/acme" {
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = w.Write([]byte(`{"name":"tenants/acme","displayName":"Acme","fieldOfTomorrow":1}`))
	})
	var got registryv1.Tenant
	if err := c.Get(t.Context(), "/v1/tenants/acme", nil, &got); err != nil {
		t.Fatal(err)
	}
	if got.GetDisplayName() != "Acme" {
		t.Errorf("got %q", got.GetDisplayName())
	}
}

func TestProblemsAreToldFieldByField(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"title":"Bad Request","detail":"tenant is not valid","reason":"TENANT_INVALID",
			"violations":[{"field":"tenant.plan","description":"no such plan"}]}`))
	})
	err := c.Post(t.Context(), "/v1/tenants", nil, nil, nil)
	var p *Problem
	if !errors.As(err, &p) || p.Status != 400 || p.Reason != "TENANT_INVALID" {
		t.Fatalf("got %v", err)
	}
	if want := "tenant is not valid\n  tenant.plan: no such plan"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestAnAnswerThatIsNoProblemIsStillAnError(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "a proxy in between", http.StatusBadGateway)
	})
	if err := c.Get(t.Context(), "/", nil, nil); err == nil || !strings.Contains(err.Error(), "a proxy in between") {
		t.Errorf("got %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close()
	err := New(Config{Address: srv.URL}).Get(t.Context(), "/", nil, nil)
	var u *UnreachableError
	if !errors.As(err, &u) || !strings.Contains(err.Error(), "make run") {
		t.Errorf("got %v", err)
	}
}

func TestStreamEndsWithItsError(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"result":{"line":"one"}}` + "\n" + `{"result":{"line":"two"}}` + "\n" +
			`{"error":{"status":404,"title":"Not Found","detail":"gone"}}` + "\n"))
	})
	var lines []string
	err := c.Stream(t.Context(), "/", nil, func(l json.RawMessage) error {
		lines = append(lines, string(l))
		return nil
	})
	if len(lines) != 2 || err == nil || err.Error() != "gone" {
		t.Errorf("got %q, %v", lines, err)
	}
}

func TestLocate(t *testing.T) {
	root := t.TempDir()
	below := filepath.Join(root, "a", "b")
	if err := os.MkdirAll(below, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := Write(root, File{Address: "http://file", Token: "file"}); err != nil {
		t.Fatal(err)
	}
	env := func(pairs ...string) func(string) string {
		return func(key string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == key {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	for _, tc := range []struct {
		why   string
		given Config
		env   func(string) string
		want  Config
	}{
		{"the nearest file", Config{}, env(), Config{"http://file", "file"}},
		{"the environment before the file", Config{}, env("STAMP_ADDR", "http://env", "STAMP_TOKEN", "env"), Config{"http://env", "env"}},
		{"flags before all", Config{"http://flag", "flag"}, env("STAMP_ADDR", "http://env"), Config{"http://flag", "flag"}},
		{"a token is not sent to another gateway", Config{Address: "http://flag"}, env(), Config{Address: "http://flag"}},
	} {
		got, err := Locate(tc.given, tc.env, below)
		if err != nil || got != tc.want {
			t.Errorf("%s: got %v, %v, want %v", tc.why, got, err, tc.want)
		}
	}
	if _, err := Locate(Config{}, env(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "make run") {
		t.Errorf("nothing to find: got %v", err)
	}
	if info, _ := os.Stat(filepath.Join(root, fileName)); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}
