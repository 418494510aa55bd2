// Package smoke tries the desk the way a person uses it.
package smoke

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"stampworks.dev/deploy/products/helpdesk/internal/client"
	"stampworks.dev/deploy/products/helpdesk/internal/ticket"
)

// Run opens, answers, closes and reads a ticket, and removes it again, also
// when a step in between fails.
func Run(ctx context.Context, app *client.Client) (err error) {
	var t ticket.Ticket
	if err := app.Do(ctx, http.MethodPost, "/api/tickets", map[string]string{"title": "Smoke test", "requester": "helpdesk smoke"}, &t); err != nil {
		return fmt.Errorf("open ticket: %w", err)
	}
	path := fmt.Sprintf("/api/tickets/%d", t.ID)
	defer func() {
		if gone := app.Do(context.WithoutCancel(ctx), http.MethodDelete, path, nil, nil); gone != nil {
			err = errors.Join(err, fmt.Errorf("remove ticket: %w", gone))
		}
	}()
	if err := app.Do(ctx, http.MethodPost, path+"/comments", map[string]string{"body": "Answered."}, nil); err != nil {
		return fmt.Errorf("answer ticket: %w", err)
	}
	if err := app.Do(ctx, http.MethodPost, path+":close", nil, nil); err != nil {
		return fmt.Errorf("close ticket: %w", err)
	}
	var seen struct {
		State    ticket.State     `json:"state"`
		Comments []ticket.Comment `json:"comments"`
	}
	if err := app.Do(ctx, http.MethodGet, path, nil, &seen); err != nil {
		return fmt.Errorf("read ticket: %w", err)
	}
	if seen.State != ticket.Closed || len(seen.Comments) != 1 {
		return fmt.Errorf("read ticket: it is %q with %d answers, not closed with one", seen.State, len(seen.Comments))
	}
	return nil
}
