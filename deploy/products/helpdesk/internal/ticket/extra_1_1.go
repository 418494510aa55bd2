//go:build helpdesk_1_1

package ticket

import (
	"net/url"
	"slices"
	"strings"
)

// Priorities, from the least to the most urgent.
var Priorities = []string{"low", "normal", "high", "urgent"}

// Extra is what revision 1.1.0 adds to a ticket.
type Extra struct {
	Priority string `json:"priority"` // one of Priorities; default normal
}

// Columns that Extra occupies in the tickets table.
func (Extra) Columns() []string { return []string{"priority"} }

// Values of those columns, in their order.
func (e Extra) Values() []any { return []any{e.Priority} }

// Targets to scan those columns into.
func (e *Extra) Targets() []any { return []any{&e.Priority} }

// ReadForm takes Extra's fields from a submitted form.
func (e *Extra) ReadForm(f url.Values) { e.Priority = f.Get("priority") }

func (e *Extra) check() error {
	if e.Priority == "" {
		e.Priority = "normal"
	}
	if !slices.Contains(Priorities, e.Priority) {
		return &Invalid{"priority", "is not one of " + strings.Join(Priorities, ", ")}
	}
	return nil
}
