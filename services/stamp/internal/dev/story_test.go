package dev

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/deal"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/sample"
)

// crm answers as a gateway where each deal was won before; tenants are the
// answers about each tenant, and one that is not there was purged.
func crm(t *testing.T, tenants map[string]string) (*session, *strings.Builder) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hooks/crm", func(w http.ResponseWriter, r *http.Request) {
		var event struct {
			Data struct {
				Company struct{ Name string }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
			t.Error(err)
		}
		id := strings.ToLower(strings.ReplaceAll(event.Data.Company.Name, " ", "-"))
		_, _ = fmt.Fprintf(w, `{"delivery": "sources/crm/deliveries/%s"}`, id)
	})
	mux.HandleFunc("GET /v1/sources/crm/deliveries/{id}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"outcome": "CREATED", "tenant": "tenants/%s", "repeats": 1}`, r.PathValue("id"))
	})
	mux.HandleFunc("GET /v1/tenants/{id}", func(w http.ResponseWriter, r *http.Request) {
		text, there := tenants[r.PathValue("id")]
		if !there {
			w.WriteHeader(http.StatusNotFound)
			text = `{"status": 404, "title": "Not Found", "detail": "tenant does not exist"}`
		}
		_, _ = w.Write([]byte(text))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	out := &strings.Builder{}
	return &session{opts: Options{Out: out}, url: server.URL, api: client.New(client.Config{Address: server.URL})}, out
}

func TestTheStoryGoesOnWithAnotherCustomer(t *testing.T) {
	const here = `{"name": "tenants/%s", "uid": "u", "state": "%s", "generation": "3"}`
	for name, tc := range map[string]struct {
		tenants map[string]string
		want    string
		says    string
	}{
		"there":   {map[string]string{"acme-rockets": fmt.Sprintf(here, "acme-rockets", "ACTIVE")}, "acme-rockets", ""},
		"purged":  {map[string]string{"blue-harbor": fmt.Sprintf(here, "blue-harbor", "CREATING")}, "blue-harbor", "acme-rockets was purged"},
		"deleted": {map[string]string{"acme-rockets": fmt.Sprintf(here, "acme-rockets", "DELETED"), "blue-harbor": fmt.Sprintf(here, "blue-harbor", "ACTIVE")}, "blue-harbor", "acme-rockets was deleted"},
		"being deleted": {map[string]string{"acme-rockets": fmt.Sprintf(here, "acme-rockets", "DELETING"), "blue-harbor": fmt.Sprintf(here, "blue-harbor", "ACTIVE")},
			"blue-harbor", "acme-rockets was deleted"},
		"suspended": {map[string]string{"acme-rockets": fmt.Sprintf(here, "acme-rockets", "SUSPENDED")}, "acme-rockets", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, out := crm(t, tc.tenants)
			won, err := s.win(t.Context(), sample.Product{Blueprint: "helpdesk"}, deal.Config{Address: s.url, Source: "crm", Secret: "whsec_AAAA"})
			if err != nil || won.id() != tc.want || !won.before {
				t.Fatalf("won %+v, %v, want %s", won, err, tc.want)
			}
			if !strings.Contains(out.String(), tc.says) || tc.says == "" && strings.Count(out.String(), "\n") != 1 {
				t.Errorf("says\n%swant %q", out, tc.says)
			}
		})
	}
}

func TestAllCustomersOfTheStoryAreGone(t *testing.T) {
	s, _ := crm(t, nil)
	_, err := s.win(t.Context(), sample.Product{Blueprint: "helpdesk"}, deal.Config{Address: s.url, Source: "crm", Secret: "whsec_AAAA"})
	if err == nil || !strings.Contains(exit.Message(err), "source send --deal") {
		t.Errorf("got %v, want what to do", err)
	}
}

func TestHintsOfAFolderThatSpeaksToAnother(t *testing.T) {
	out := &strings.Builder{}
	s := &session{opts: Options{Out: out, TokenFile: "data/token"}, url: "http://127.0.0.1:9", elsewhere: true}
	s.suggest("helpdesk", "demo break acme-rockets db", "only Acme goes red")
	for _, want := range []string{"source send crm --deal Globex --blueprint helpdesk --addr http://127.0.0.1:9", "acme-rockets db --addr"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got\n%swant %q", out, want)
		}
	}
}

// Whatever happens to the story, whoever is served stays served.
func TestAStoryThatCannotGoOnEndsNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	mux := http.NewServeMux() // ready, and without anything else that a story needs
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /v1/cells", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"cells": [{"name": "cells/local"}]}`))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	read, write := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := &session{opts: Options{Out: write, Demo: true, DataDir: "data"}, url: server.URL}
	ended := make(chan error, 1)
	go func() {
		ended <- s.run(ctx)
		_ = write.Close()
	}()
	var said []string
	for lines := bufio.NewScanner(read); lines.Scan(); {
		if said = append(said, lines.Text()); strings.Contains(lines.Text(), "goes on at "+server.URL) {
			cancel()
		}
	}
	if err := <-ended; err != nil || !strings.Contains(strings.Join(said, "\n"), "The story ends here: ") {
		t.Errorf("ended with %v, having said\n%s", err, strings.Join(said, "\n"))
	}
	if ctx.Err() == nil {
		t.Error("it ended by itself")
	}
}
