//go:build !helpdesk_1_1

package ticket

import "net/url"

// Extra is what later revisions add to a ticket; nothing yet.
type Extra struct{}

// Columns that Extra occupies in the tickets table.
func (Extra) Columns() []string { return nil }

// Values of those columns, in their order.
func (Extra) Values() []any { return nil }

// Targets to scan those columns into.
func (*Extra) Targets() []any { return nil }

// ReadForm takes Extra's fields from a submitted form.
func (*Extra) ReadForm(url.Values) {}

func (*Extra) check() error { return nil }
