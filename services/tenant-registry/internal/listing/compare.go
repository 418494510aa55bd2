package listing

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.einride.tech/aip/filtering"
	expr "google.golang.org/genproto/googleapis/api/expr/v1alpha1"
)

// comparison makes a predicate of `field op value`.
func (s Schema[T]) comparison(op string, left, right *expr.Expr) (predicate[T], error) {
	name, ok := path(left)
	if !ok {
		return nil, fmt.Errorf("compares something that is not a field")
	}
	want, ok := literal(right)
	if !ok {
		return nil, fmt.Errorf("compares %s with something that is not a value", name)
	}
	if field, known := s.Fields[name]; known {
		if field.kind == mapKind {
			return field.hasKey(name, op, want)
		}
		return field.against(name, op, want)
	}
	parent, key, _ := strings.Cut(name, ".")
	if field, known := s.Fields[parent]; known && field.kind == mapKind {
		return field.entry(key).against(name, op, want)
	}
	return nil, fmt.Errorf("has no field %s; there are %s", name, strings.Join(slices.Sorted(maps.Keys(s.Fields)), ", "))
}

// hasKey is `labels:tier`: the key is there.
func (f Field[T]) hasKey(name, op, key string) (predicate[T], error) {
	if op != filtering.FunctionHas {
		return nil, fmt.Errorf("can ask %s only for a key, as in %s:key or %s.key = value", name, name, name)
	}
	return func(item T) bool { _, ok := f.all(item)[key]; return ok }, nil
}

// entry is the field of one key; where it is missing, no comparison is true.
func (f Field[T]) entry(key string) Field[T] {
	return Field[T]{kind: textKind, text: func(item T) string { return f.all(item)[key] }, all: func(item T) map[string]string {
		if v, ok := f.all(item)[key]; ok {
			return map[string]string{key: v}
		}
		return nil
	}}
}

func (f Field[T]) against(name, op, want string) (predicate[T], error) {
	fold := func(s string) string { return s }
	switch f.kind {
	case wordKind:
		fold = strings.ToUpper
		if _, is := f.set[fold(want)]; !is && op != filtering.FunctionHas && !strings.Contains(want, "*") {
			return nil, fmt.Errorf("compares %s with %q, which is none of %s", name, want, strings.Join(f.words(), ", "))
		}
	case timeKind:
		at, err := time.Parse(time.RFC3339, want)
		if err != nil {
			return nil, fmt.Errorf("compares %s with %q, which is not a timestamp such as 2026-01-31T12:00:00Z", name, want)
		}
		want = at.UTC().Format(sortableTime)
	}
	test := operator(op, fold(want))
	return func(item T) bool {
		if f.all != nil && f.all(item) == nil {
			return op == filtering.FunctionNotEquals
		}
		got := f.text(item)
		if f.also == nil || got == "" || op != filtering.FunctionEquals && op != filtering.FunctionNotEquals {
			return test(fold(got))
		}
		differs := op == filtering.FunctionNotEquals
		for _, word := range append(f.also(got), got) {
			if test(word) != differs {
				return !differs
			}
		}
		return differs
	}, nil
}

// words lists the set in its own order, without the word for "not set".
func (f Field[T]) words() []string {
	all := slices.SortedFunc(maps.Keys(f.set), func(a, b string) int { return cmp.Compare(f.set[a], f.set[b]) })
	return slices.DeleteFunc(all, func(word string) bool { return f.set[word] == 0 })
}

func operator(op, want string) func(string) bool {
	switch op {
	case filtering.FunctionEquals:
		return equals(want)
	case filtering.FunctionNotEquals:
		same := equals(want)
		return func(got string) bool { return !same(got) }
	case filtering.FunctionHas:
		if want == "*" {
			return func(got string) bool { return got != "" }
		}
		part := strings.ToLower(want)
		return func(got string) bool { return strings.Contains(strings.ToLower(got), part) }
	}
	return func(got string) bool {
		c := cmp.Compare(got, want)
		switch op {
		case filtering.FunctionLessThan:
			return c < 0
		case filtering.FunctionLessEquals:
			return c <= 0
		case filtering.FunctionGreaterThan:
			return c > 0
		default:
			return c >= 0
		}
	}
}

// equals takes "*" at either end for anything.
func equals(want string) func(string) bool {
	head, tail := strings.HasSuffix(want, "*"), strings.HasPrefix(want, "*")
	core := strings.Trim(want, "*")
	switch {
	case head && tail:
		return func(got string) bool { return strings.Contains(got, core) }
	case head:
		return func(got string) bool { return strings.HasPrefix(got, core) }
	case tail:
		return func(got string) bool { return strings.HasSuffix(got, core) }
	}
	return func(got string) bool { return got == want }
}

// literal is a value: quoted, or a bare word, or a number, or timestamp("…").
func literal(e *expr.Expr) (string, bool) {
	if c := e.GetConstExpr(); c != nil {
		switch v := c.GetConstantKind().(type) {
		case *expr.Constant_Int64Value:
			return strconv.FormatInt(v.Int64Value, 10), true
		case *expr.Constant_DoubleValue:
			return strconv.FormatFloat(v.DoubleValue, 'g', -1, 64), true
		case *expr.Constant_BoolValue:
			return strconv.FormatBool(v.BoolValue), true
		}
	}
	if call := e.GetCallExpr(); call.GetFunction() == filtering.FunctionTimestamp && len(call.GetArgs()) == 1 {
		return literal(call.GetArgs()[0])
	}
	return path(e)
}
