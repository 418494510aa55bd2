package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Desk is a customer's own helpdesk, as the customer calls it.
type Desk struct {
	URL string
	// Admin is who may delete, as "email:password"; empty is nobody.
	Admin string
}

// Ticket is one ticket; Priority is there from 1.1.0 on.
type Ticket struct {
	ID       int64  `json:"id"`
	Title    string `json:"title"`
	Priority string `json:"priority"`
}

// About is what a helpdesk says of itself.
func (d Desk) About() (map[string]any, error) {
	var about map[string]any
	err := d.call(http.MethodGet, "/api/about", nil, &about)
	return about, err
}

// Open opens a ticket.
func (d Desk) Open(t testing.TB, title string) {
	t.Helper()
	if err := d.call(http.MethodPost, "/api/tickets", map[string]string{"title": title}, nil); err != nil {
		t.Fatal(err)
	}
}

// Serves is an error unless it answers with its tickets.
func (d Desk) Serves() error {
	_, err := d.Tickets()
	return err
}

// Tickets lists all.
func (d Desk) Tickets() ([]Ticket, error) {
	var list struct {
		Tickets []Ticket `json:"tickets"`
	}
	return list.Tickets, d.call(http.MethodGet, "/api/tickets?limit=500", nil, &list)
}

// Has is an error unless it serves a ticket of that title.
func (d Desk) Has(title string) error {
	tickets, err := d.Tickets()
	if err == nil && !slices.ContainsFunc(tickets, func(t Ticket) bool { return t.Title == title }) {
		err = fmt.Errorf("%s has no ticket %q", d.URL, title)
	}
	return err
}

func (d Desk) call(method, path string, send, into any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	body, err := json.Marshal(send)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, d.URL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if email, password, ok := strings.Cut(d.Admin, ":"); ok {
		req.SetBasicAuth(email, password)
	}
	resp, err := browser.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s%s: %d %.200s", method, d.URL, path, resp.StatusCode, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// TryOpen opens a ticket, if it is taken.
func (d Desk) TryOpen(title string) error {
	return d.call(http.MethodPost, "/api/tickets", map[string]string{"title": title}, nil)
}

// Delete removes a ticket.
func (d Desk) Delete(t testing.TB, id int64) {
	t.Helper()
	if err := d.call(http.MethodDelete, fmt.Sprintf("/api/tickets/%d", id), nil, nil); err != nil {
		t.Fatal(err)
	}
}
