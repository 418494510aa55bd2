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
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.path, Variable(l.path), show(l.value), l.help)
	}
	_ = w.Flush()
	return out.String()
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
	case reflect.Slice, reflect.Map:
		return fmt.Sprintf("(%d)", v.Len())
	case reflect.Pointer:
		if v.IsNil() {
			return "-"
		}
		return show(v.Elem())
	}
	return fmt.Sprint(v.Interface())
}
