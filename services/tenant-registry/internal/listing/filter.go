package listing

import (
	"fmt"
	"strings"

	"go.einride.tech/aip/filtering"
	expr "google.golang.org/genproto/googleapis/api/expr/v1alpha1"
)

const (
	maxFilter = 2000
	maxDepth  = 40
)

type predicate[T any] func(T) bool

// compile makes a function of a filter. The grammar is the library's; what a
// field may be compared with is ours, so that `state = active` needs no quotes.
func (s Schema[T]) compile(filter string) (predicate[T], error) {
	if strings.TrimSpace(filter) == "" {
		return func(T) bool { return true }, nil
	}
	if len(filter) > maxFilter || strings.Count(filter, "(") > maxDepth {
		return nil, refuse(ReasonFilter, "filter", "is too long or too deep")
	}
	var p filtering.Parser
	p.Init(filter)
	parsed, err := p.Parse()
	if err != nil {
		return nil, refuse(ReasonFilter, "filter", "cannot be read: "+complaint(err.Error())+`; a text with more in it than letters, digits, "_" and "." goes in quotes, such as deal.id = "deal-7"`)
	}
	match, err := s.node(parsed.GetExpr())
	if err != nil {
		return nil, refuse(ReasonFilter, "filter", err.Error())
	}
	return match, nil
}

func (s Schema[T]) node(e *expr.Expr) (predicate[T], error) {
	call := e.GetCallExpr()
	if call == nil {
		return nil, fmt.Errorf("has %q where a comparison is expected, such as plan = pro", show(e))
	}
	args := call.GetArgs()
	switch call.GetFunction() {
	case filtering.FunctionAnd, filtering.FunctionFuzzyAnd:
		return s.both(args, func(a, b bool) bool { return a && b })
	case filtering.FunctionOr:
		return s.both(args, func(a, b bool) bool { return a || b })
	case filtering.FunctionNot:
		inner, err := s.node(args[0])
		if err != nil {
			return nil, err
		}
		return func(item T) bool { return !inner(item) }, nil
	case filtering.FunctionEquals, filtering.FunctionNotEquals, filtering.FunctionHas, filtering.FunctionLessThan,
		filtering.FunctionLessEquals, filtering.FunctionGreaterThan, filtering.FunctionGreaterEquals:
		return s.comparison(call.GetFunction(), args[0], args[1])
	}
	return nil, fmt.Errorf("has the function %q, which is not known", call.GetFunction())
}

func (s Schema[T]) both(args []*expr.Expr, join func(a, b bool) bool) (predicate[T], error) {
	left, err := s.node(args[0])
	if err != nil {
		return nil, err
	}
	right, err := s.node(args[1])
	if err != nil {
		return nil, err
	}
	return func(item T) bool { return join(left(item), right(item)) }, nil
}

// complaint is what the library found wrong where it gave up: the last of its
// lines, which point at the filter from below with "^".
func complaint(report string) string {
	lines := strings.Split(strings.TrimSpace(report), "\n")
	return strings.TrimLeft(lines[len(lines)-1], " ^")
}

// path gives "deal.id" for the expression that the library makes of it.
func path(e *expr.Expr) (string, bool) {
	switch kind := e.GetExprKind().(type) {
	case *expr.Expr_IdentExpr:
		return kind.IdentExpr.GetName(), true
	case *expr.Expr_SelectExpr:
		left, ok := path(kind.SelectExpr.GetOperand())
		return left + "." + kind.SelectExpr.GetField(), ok
	case *expr.Expr_ConstExpr: // labels."a-b"
		if text, ok := kind.ConstExpr.GetConstantKind().(*expr.Constant_StringValue); ok {
			return text.StringValue, true
		}
	}
	return "", false
}

func show(e *expr.Expr) string {
	if text, ok := path(e); ok {
		return text
	}
	return "an expression"
}
