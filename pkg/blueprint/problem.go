package blueprint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with a blueprint.
type Problem struct {
	// File is the name given to Parse; "name@revision" for a stored recipe.
	File string
	// Line and Column are 1-based, columns in characters. Both are 0 for a
	// stored recipe, which has no file.
	Line, Column int
	// Path is the field, such as "components.app.run".
	Path string
	// Message says what is wrong, Expected what would be right; the latter may
	// be empty.
	Message, Expected string
}

// Error is the problem in one line:
//
//	helpdesk.yaml:12:9: components.app.run: "${" is not closed (expected "}")
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	if p.Path != "" {
		b.WriteString(": " + p.Path)
	}
	b.WriteString(": " + p.Message)
	if p.Expected != "" {
		fmt.Fprintf(&b, " (expected %s)", p.Expected)
	}
	return strings.TrimPrefix(b.String(), ": ")
}

// Problems are all that is wrong with a blueprint, in the order of the file.
// It is an error: errors.As finds it, and each Problem in it.
type Problems []Problem

// Error gives one line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the problems one by one.
func (p Problems) Unwrap() []error {
	all := make([]error, len(p))
	for i, one := range p {
		all[i] = one
	}
	return all
}

// sorted is in the order of the file, without repetitions.
func (p Problems) sorted() Problems {
	out := slices.Clone(p)
	slices.SortStableFunc(out, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(out)
}
