// Package ticket is the domain: tickets, their comments, and what makes a text
// acceptable. It knows neither HTTP nor SQL.
package ticket

import (
	"context"
	"errors"
	"time"
)

// What can go wrong with a ticket, for errors.Is.
var (
	ErrNotFound = errors.New("no such ticket")
	ErrClosed   = errors.New("ticket is closed")
)

// State of a ticket.
type State string

// A ticket is open until somebody closes it; closing is final.
const (
	Open   State = "open"
	Closed State = "closed"
)

// Ticket is one request of the customer's staff.
type Ticket struct {
	ID        int64      `json:"id"`
	Title     string     `json:"title"`
	Body      string     `json:"body,omitempty"`
	Requester string     `json:"requester,omitempty"`
	State     State      `json:"state"`
	Created   time.Time  `json:"create_time"`
	Closed    *time.Time `json:"close_time,omitempty"`
	Extra
}

// Comment is one answer on a ticket.
type Comment struct {
	ID      int64     `json:"id"`
	Author  string    `json:"author,omitempty"`
	Body    string    `json:"body"`
	Created time.Time `json:"create_time"`
}

// Draft is what a person says to open a ticket.
type Draft struct {
	Title     string `json:"title"`
	Body      string `json:"body"`
	Requester string `json:"requester"`
	Extra
}

// Filter narrows a list. The zero value is the newest 100 of all tickets.
type Filter struct {
	State  State // empty: both
	Before int64 // only ids below it; 0: from the newest
	Limit  int   // 0: 100; at most 500
}

// Store keeps tickets. Every method is safe for concurrent use. Create and
// Close also file a job for the worker, in the same transaction.
type Store interface {
	Create(ctx context.Context, d Draft) (Ticket, error)
	List(ctx context.Context, f Filter) ([]Ticket, error)
	Get(ctx context.Context, id int64) (Ticket, error)
	Comments(ctx context.Context, id int64) ([]Comment, error)
	Reply(ctx context.Context, id int64, c Comment) (Comment, error)
	Close(ctx context.Context, id int64) (Ticket, error) // closing twice is fine
	Delete(ctx context.Context, id int64) error
}
