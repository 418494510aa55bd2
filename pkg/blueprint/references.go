package blueprint

import (
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"

	"stampworks.dev/pkg/blueprint/internal/scan"
)

// typeNames are names that CEL itself defines.
var typeNames = []string{"bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type", "uint"}

// resolve finds every name in an expression and reports those that do not
// exist or cannot be used here.
func (c *compiler) resolve(path string, p scan.Part, parsed *cel.Ast, in scope) ([]reference, bool) {
	native := parsed.NativeRep()
	r := &resolver{symbols: c.symbols}
	r.walk(native.Expr(), nil)
	ok := true
	var refs []reference
	for _, f := range r.found {
		start, _ := native.SourceInfo().GetOffsetRange(f.id)
		at := p.Offset + runeOffset(p.Text, int(start.Start))
		if f.symbol.name == "" {
			message, expected := c.undefined(f.name, in)
			c.within(path, at, message, expected)
			ok = false
			continue
		}
		c.used[f.symbol.name] = true
		if message, expected := c.visible(f.symbol, in); message != "" {
			c.within(path, at, message, expected)
			ok = false
			continue
		}
		refs = append(refs, reference{symbol: f.symbol, offset: at})
	}
	return refs, ok
}

func runeOffset(s string, runes int) int {
	for i := range s {
		if runes == 0 {
			return i
		}
		runes--
	}
	return len(s)
}

type resolver struct {
	symbols map[string]symbol
	found   []found
}

// found is a dotted name as written; its symbol is empty when there is none.
type found struct {
	id     int64
	name   string
	symbol symbol
}

// walk visits an expression; bound holds the variables of comprehensions.
func (r *resolver) walk(e ast.Expr, bound map[string]bool) {
	if e == nil {
		return
	}
	switch e.Kind() {
	case ast.IdentKind, ast.SelectKind:
		if parts, id, ok := dotted(e); ok {
			r.name(parts, id, bound)
		} else {
			r.walk(e.AsSelect().Operand(), bound)
		}
	case ast.CallKind:
		if e.AsCall().IsMemberFunction() {
			r.walk(e.AsCall().Target(), bound)
		}
		for _, arg := range e.AsCall().Args() {
			r.walk(arg, bound)
		}
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			r.walk(item, bound)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			r.walk(entry.AsMapEntry().Key(), bound)
			r.walk(entry.AsMapEntry().Value(), bound)
		}
	case ast.StructKind:
		for _, field := range e.AsStruct().Fields() {
			r.walk(field.AsStructField().Value(), bound)
		}
	case ast.ComprehensionKind:
		r.comprehension(e.AsComprehension(), bound)
	}
}

func (r *resolver) comprehension(e ast.ComprehensionExpr, bound map[string]bool) {
	r.walk(e.IterRange(), bound)
	r.walk(e.AccuInit(), bound)
	inner := maps.Clone(bound)
	if inner == nil {
		inner = map[string]bool{}
	}
	for _, name := range []string{e.IterVar(), e.IterVar2(), e.AccuVar()} {
		// A variable called like a name of the blueprint hides nothing:
		// CEL would still find "secrets.x" behind a variable "secrets".
		inner[name] = !r.isRoot(name)
	}
	r.walk(e.LoopCondition(), inner)
	r.walk(e.LoopStep(), inner)
	r.walk(e.Result(), inner)
}

func (r *resolver) isRoot(name string) bool {
	for known := range r.symbols {
		if known == name || strings.HasPrefix(known, name+".") {
			return true
		}
	}
	return false
}

// name takes the longest part of a dotted name that is known.
func (r *resolver) name(parts []string, id int64, bound map[string]bool) {
	if bound[parts[0]] || len(parts) == 1 && slices.Contains(typeNames, parts[0]) {
		return
	}
	for n := len(parts); n > 0; n-- {
		if s, ok := r.symbols[strings.Join(parts[:n], ".")]; ok {
			r.found = append(r.found, found{id: id, name: s.name, symbol: s})
			return
		}
	}
	r.found = append(r.found, found{id: id, name: strings.Join(parts, ".")})
}

// dotted gives the parts of "a.b.c" and the id of "a".
func dotted(e ast.Expr) ([]string, int64, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return []string{strings.TrimPrefix(e.AsIdent(), ".")}, e.ID(), true
	case ast.SelectKind:
		parts, id, ok := dotted(e.AsSelect().Operand())
		return append(parts, e.AsSelect().FieldName()), id, ok
	}
	return nil, 0, false
}

// identifierPath reports whether a dotted name is one in CEL.
func identifierPath(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if !identifier.MatchString(part) || slices.Contains(celReserved, part) {
			return false
		}
	}
	return true
}
