package listing

import (
	"cmp"
	"slices"

	"stampworks.dev/pkg/errs"
)

// Sizes of pages: what a request gets that does not say, and the most.
const (
	DefaultSize = 50
	MaxSize     = 1000
)

// Reasons of refused queries.
const (
	ReasonFilter    = "FILTER_INVALID"
	ReasonOrder     = "ORDER_INVALID"
	ReasonPageToken = "PAGE_TOKEN_INVALID"
	ReasonPageSize  = "PAGE_SIZE_INVALID"
)

// Schema says what the items of a list are.
type Schema[T any] struct {
	// ID tells items apart and decides between those that are otherwise equal.
	ID func(T) string
	// Fields by their path in requests.
	Fields map[string]Field[T]
	// Order is the default, "create_time desc" for one. Empty is by ID.
	Order string
}

// Query is what a List request asks. Scope holds whatever else in the request
// decides what is listed: the parent, show_deleted.
type Query struct {
	Filter, OrderBy, Token, Scope string
	Size                          int32
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T
	// Next is the token of the page after this one; empty at the end.
	Next string
	// Total counts all items that pass the filter.
	Total int
}

// Page filters, sorts and cuts. It does not change items. Errors are violations
// of "filter", "order_by", "page_token" and "page_size".
func (s Schema[T]) Page(items []T, q Query) (Page[T], error) {
	match, err := s.compile(q.Filter)
	if err != nil {
		return Page[T]{}, err
	}
	order, err := s.order(q.OrderBy)
	if err != nil {
		return Page[T]{}, err
	}
	if q.Size < 0 {
		return Page[T]{}, refuse(ReasonPageSize, "page_size", "must not be negative")
	}
	after, err := decodeToken(q, len(order))
	if err != nil {
		return Page[T]{}, err
	}
	rows := make([]row[T], 0, len(items))
	for _, item := range items {
		if match(item) {
			rows = append(rows, row[T]{item: item, keys: s.keys(item, order)})
		}
	}
	slices.SortFunc(rows, func(a, b row[T]) int { return compare(order, a.keys, b.keys) })
	return cutPage(rows, order, after, q), nil
}

// row is an item with its sort keys, the ID last.
type row[T any] struct {
	item T
	keys []string
}

func cutPage[T any](rows []row[T], order []ordered[T], after []string, q Query) Page[T] {
	begin := 0
	if after != nil {
		begin, _ = slices.BinarySearchFunc(rows, after, func(r row[T], keys []string) int {
			return cmp.Or(compare(order, r.keys, keys), -1) // the first that is greater
		})
	}
	size := min(cmp.Or(int(q.Size), DefaultSize), MaxSize)
	end := min(begin+size, len(rows))
	page := Page[T]{Total: len(rows), Items: make([]T, 0, end-begin)}
	for _, r := range rows[begin:end] {
		page.Items = append(page.Items, r.item)
	}
	if end < len(rows) && end > begin {
		page.Next = encodeToken(q, rows[end-1].keys)
	}
	return page
}

func refuse(reason, field, why string) error {
	return errs.Invalid(reason, errs.Violation{Field: field, Description: why})
}
