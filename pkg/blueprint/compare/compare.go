// Package compare tells whether two rendered forms, kept as JSON, wish for
// the same, and names the fields in which they differ. It is the one measure of
// "changed": of the engine, of every preview, and of an upgrade's impact.
//
// It looks at fields, never at digests or bytes, and a field that is not set
// equals one that has its zero value: a ledger written by an older Stampworks
// compares equal to what a newer one renders from the same recipe. Forms hold
// secrets by name and version only, and so do the values given here.
package compare

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
)

// Change is one field that differs. Before or After is empty where the field
// is not there.
type Change struct {
	// Path is such as "component.env.SEATS".
	Path string
	// Before and After are the values as people write them.
	Before, After string
}

// Same says whether old and wished wish for the same. Text that is no JSON is
// the same only as itself.
func Same(old, wished string) bool {
	return old == wished || len(Changes(old, wished)) == 0
}

// Changes gives the fields that differ, by path. A form that is no JSON, or an
// empty one, differs in ".".
func Changes(old, wished string) []Change {
	var a, b any
	if json.Unmarshal([]byte(old), &a) != nil || json.Unmarshal([]byte(wished), &b) != nil {
		if old == wished {
			return nil
		}
		return []Change{{Path: ".", Before: old, After: wished}}
	}
	var all []Change
	walk("", a, b, func(path string, a, b any) {
		all = append(all, Change{Path: path, Before: text(path, a), After: text(path, b)})
	})
	slices.SortFunc(all, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
	return all
}

// walk calls differ with every field that differs.
func walk(path string, a, b any, differ func(path string, a, b any)) {
	ma, aIsMap := a.(map[string]any)
	mb, bIsMap := b.(map[string]any)
	if !(aIsMap || bIsMap) || (!aIsMap && !unset(a)) || (!bIsMap && !unset(b)) {
		if !equal(a, b) {
			differ(cmp.Or(path, "."), a, b)
		}
		return
	}
	for key := range ma {
		walk(join(path, key), ma[key], mb[key], differ)
	}
	for key := range mb {
		if _, both := ma[key]; !both {
			walk(join(path, key), nil, mb[key], differ)
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func equal(a, b any) bool {
	if unset(a) && unset(b) {
		return true
	}
	la, aIsList := a.([]any)
	lb, bIsList := b.([]any)
	if !aIsList || !bIsList {
		return reflect.DeepEqual(a, b)
	}
	return slices.EqualFunc(la, lb, func(x, y any) bool {
		same := true
		walk("", x, y, func(string, any, any) { same = false })
		return same
	})
}

// unset says whether a decoded value equals a field that is not there.
func unset(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case float64:
		return v == 0
	case bool:
		return !v
	case []any:
		return len(v) == 0
	case map[string]any:
		for _, one := range v {
			if !unset(one) {
				return false
			}
		}
		return true
	}
	return false
}
