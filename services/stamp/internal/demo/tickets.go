package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// callWithin is how long one call to a customer's copy may take.
const callWithin = 5 * time.Second

// browser calls the copies as their customers do: no connection is kept, so
// every request proves that a new one can be made.
var browser = &http.Client{Timeout: callWithin, Transport: &http.Transport{DisableKeepAlives: true}}

// secretOf is a title that only one customer knows.
func secretOf(s *copyOf) string { return "confidential: order of " + s.display }

// separateTickets opens a ticket at each customer and looks for it at all.
func (r *run) separateTickets(ctx context.Context) (string, error) {
	for _, s := range r.stamps {
		if err := s.openTicket(ctx, secretOf(s)); err != nil {
			return "", err
		}
	}
	for _, s := range r.stamps {
		titles, err := s.titles(ctx)
		if err != nil {
			return "", err
		}
		if !titles[secretOf(s)] {
			return "", fmt.Errorf("%s does not see its own ticket", s.display)
		}
		for _, other := range r.stamps {
			if other != s && titles[secretOf(other)] {
				r.result.CrossTenantReads++
			}
		}
	}
	if r.result.CrossTenantReads > 0 {
		return "", fmt.Errorf("%d tickets were seen by another customer", r.result.CrossTenantReads)
	}
	return fmt.Sprintf("%d customers, %d pairs looked at, 0 tickets seen across", len(r.stamps), len(r.stamps)*(len(r.stamps)-1)), nil
}

func (s *copyOf) openTicket(ctx context.Context, title string) error {
	body, err := json.Marshal(map[string]string{"title": title})
	if err != nil {
		return err
	}
	_, err = s.call(ctx, http.MethodPost, "/api/tickets", body)
	return err
}

// titles are those of the customer's tickets.
func (s *copyOf) titles(ctx context.Context) (map[string]bool, error) {
	text, err := s.call(ctx, http.MethodGet, "/api/tickets", nil)
	if err != nil {
		return nil, err
	}
	var list struct {
		Tickets []struct {
			Title string `json:"title"`
		} `json:"tickets"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("read tickets of %s: %w", s.display, err)
	}
	titles := map[string]bool{}
	for _, t := range list.Tickets {
		titles[t.Title] = true
	}
	return titles, nil
}

// seesItsTicket reports whether the copy answers with the customer's data.
func (s *copyOf) seesItsTicket(ctx context.Context) error {
	titles, err := s.titles(ctx)
	if err == nil && !titles[secretOf(s)] {
		err = fmt.Errorf("%s answers, but its ticket is gone", s.display)
	}
	return err
}

// call asks the copy at the customer's own address. What is no 2xx is an error.
func (s *copyOf) call(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := browser.Do(req)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", s.display, err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", s.display, err)
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("call %s: HTTP %d %s", s.display, resp.StatusCode, bytes.TrimSpace(text[:min(len(text), 200)]))
	}
	return text, nil
}
