// Package compare tells whether two rendered forms, kept as JSON, wish for
// the same, and names the fields in which they differ.
//
// It looks at fields, never at digests or bytes, and a field that is not set
// equals one that has its zero value: a ledger written by an older Stampworks
// compares equal to what a newer one renders from the same recipe.
package compare

import (
	"encoding/json"
	"reflect"
	"slices"
)

// Same says whether old and wished wish for the same. Text that is no JSON is
// the same only as itself.
func Same(old, wished string) bool {
	return old == wished || len(Changes(old, wished)) == 0
}

// Changes names the fields that differ, sorted, such as "component.env.SEATS".
// A form that is no JSON, or an empty one, differs in ".".
func Changes(old, wished string) []string {
	var a, b any
	if json.Unmarshal([]byte(old), &a) != nil || json.Unmarshal([]byte(wished), &b) != nil {
		if old == wished {
			return nil
		}
		return []string{"."}
	}
	var fields []string
	walk("", a, b, &fields)
	slices.Sort(fields)
	return fields
}

func walk(path string, a, b any, fields *[]string) {
	ma, aIsMap := a.(map[string]any)
	mb, bIsMap := b.(map[string]any)
	if !(aIsMap || bIsMap) || (!aIsMap && !unset(a)) || (!bIsMap && !unset(b)) {
		if !equal(a, b) {
			*fields = append(*fields, max(path, "."))
		}
		return
	}
	for key := range ma {
		walk(join(path, key), ma[key], mb[key], fields)
	}
	for key := range mb {
		if _, both := ma[key]; !both {
			walk(join(path, key), nil, mb[key], fields)
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
		var differ []string
		walk("", x, y, &differ)
		return len(differ) == 0
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
