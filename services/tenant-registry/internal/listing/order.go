package listing

import (
	"cmp"

	"go.einride.tech/aip/ordering"
)

// maxOrder is the longest order_by that is looked at.
const maxOrder = 200

// ordered is one sort key of a query.
type ordered[T any] struct {
	field Field[T]
	desc  bool
}

func (s Schema[T]) order(orderBy string) ([]ordered[T], error) {
	if len(orderBy) > maxOrder {
		return nil, refuse(ReasonOrder, "order_by", "is too long")
	}
	var parsed ordering.OrderBy
	if err := parsed.UnmarshalString(cmp.Or(orderBy, s.Order)); err != nil {
		return nil, refuse(ReasonOrder, "order_by", `must be fields with an optional "desc", separated by commas: `+err.Error())
	}
	order := make([]ordered[T], 0, len(parsed.Fields))
	for _, f := range parsed.Fields {
		field, known := s.Fields[f.Path]
		if !known || !field.sortable() {
			return nil, refuse(ReasonOrder, "order_by", "has no field "+f.Path+" to order by")
		}
		order = append(order, ordered[T]{field: field, desc: f.Desc})
	}
	return order, nil
}

func (s Schema[T]) keys(item T, order []ordered[T]) []string {
	keys := make([]string, 0, len(order)+1)
	for _, o := range order {
		keys = append(keys, o.field.text(item))
	}
	return append(keys, s.ID(item))
}

// compare orders sort keys; equal ones are decided by the ID, so that the order
// is total.
func compare[T any](order []ordered[T], a, b []string) int {
	for i, o := range order {
		if c := cmp.Compare(a[i], b[i]); c != 0 {
			if o.desc {
				return -c
			}
			return c
		}
	}
	return cmp.Compare(a[len(order)], b[len(order)])
}
