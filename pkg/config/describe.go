package config

import (
	"fmt"
	"reflect"
	"strings"
	"text/tabwriter"
	"time"
)

// Describe lists the keys of a struct, or of a pointer to one, with variable,
// default and help, for --help. The defaults are what the struct holds.
func Describe(cfg any) string {
	v := reflect.ValueOf(cfg)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "KEY\tVARIABLE\tDEFAULT\tMEANING")
	for _, l := range leavesOf(v, "") {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.path, Variable(l.path), l.standard(), l.help)
	}
	_ = w.Flush()
	return out.String()
}

// standard is the default: what the struct holds, or, where that is nothing,
// what the tag "default" says is taken instead.
func (l leaf) standard() string {
	if l.otherwise != "" && l.value.IsZero() {
		return l.otherwise
	}
	return show(l.value)
}

func show(v reflect.Value) string {
	if d, ok := v.Interface().(time.Duration); ok {
		return d.String()
	}
	switch v.Kind() {
	case reflect.String:
		if v.Len() == 0 {
			return `""`
		}
	case reflect.Slice:
		return list(v)
	case reflect.Map:
		if v.Len() == 0 {
			return "-"
		}
		return fmt.Sprintf("%d entries", v.Len())
	case reflect.Pointer:
		if v.IsNil() {
			return "-"
		}
		return show(v.Elem())
	}
	return fmt.Sprint(v.Interface())
}

// list writes a list as its variable takes it.
func list(v reflect.Value) string {
	if v.Len() == 0 {
		return "-"
	}
	parts := make([]string, v.Len())
	for i := range parts {
		if parts[i] = show(v.Index(i)); v.Index(i).Kind() == reflect.Struct {
			return fmt.Sprintf("%d entries", v.Len())
		}
	}
	return strings.Join(parts, ",")
}
