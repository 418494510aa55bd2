package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Prefix begins every variable of ours.
const Prefix = "STAMPWORKS_"

// Shared are the variables that no struct needs to know: mains read them.
var Shared = []string{
	"STAMPWORKS_CONFIG",     // the path of the file
	"STAMPWORKS_LOG_LEVEL",  // debug, info, warn, error
	"STAMPWORKS_LOG_FORMAT", // json, text
}

// Variable gives the name of the variable of a key: grpc.listen is
// STAMPWORKS_GRPC_LISTEN.
func Variable(path string) string {
	return Prefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(path))
}

// override sets the leaves that the environment names.
func override(v reflect.Value, env []string) error {
	leaves, names := map[string]leaf{}, []string{}
	for _, l := range leavesOf(v, "") {
		name := Variable(l.path)
		if other, taken := leaves[name]; taken {
			return fmt.Errorf("keys %s and %s have the same variable %s", other.path, l.path, name)
		}
		leaves[name] = l
		names = append(names, name)
	}
	var all []error
	for _, entry := range env {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, Prefix) {
			continue
		}
		l, known := leaves[name]
		switch {
		case known:
			if err := set(l.value, text); err != nil {
				all = append(all, fmt.Errorf("%s: %w", name, err))
			}
		case !slices.Contains(Shared, name):
			all = append(all, fmt.Errorf("unknown variable %s%s", name, suggestVariable(name, names)))
		}
	}
	return errors.Join(all...)
}

var durationType = reflect.TypeFor[time.Duration]()

// set parses text into a leaf.
func set(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	if v.Type() == durationType {
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("parse duration %q: want a form like 10s or 2h30m", text)
		}
		v.SetInt(int64(d))
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		if err := set(p.Elem(), text); err != nil {
			return err
		}
		v.Set(p)
		return nil
	case reflect.Slice:
		return setList(v, text)
	case reflect.Map:
		return setMap(v, text)
	default:
		return setScalar(v, text)
	}
}

func setScalar(v reflect.Value, text string) error {
	bits := 0
	if k := v.Kind(); k >= reflect.Int && k <= reflect.Float64 {
		bits = v.Type().Bits()
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("parse %q: want true or false", text)
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, bits)
		if err != nil {
			return fmt.Errorf("parse %q: want a whole number", text)
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, bits)
		if err != nil {
			return fmt.Errorf("parse %q: want a whole number, not below zero", text)
		}
		v.SetUint(n)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(text, bits)
		if err != nil {
			return fmt.Errorf("parse %q: want a number", text)
		}
		v.SetFloat(f)
	default:
		return errors.New("this key can be set in the file only")
	}
	return nil
}

// setList replaces the list; an empty text is an empty list.
func setList(v reflect.Value, text string) error {
	list := reflect.MakeSlice(v.Type(), 0, 0)
	for _, item := range splitList(text) {
		e := reflect.New(v.Type().Elem()).Elem()
		if err := set(e, item); err != nil {
			return err
		}
		list = reflect.Append(list, e)
	}
	v.Set(list)
	return nil
}

// setMap replaces the map: name=value, with commas between.
func setMap(v reflect.Value, text string) error {
	if v.Type().Key().Kind() != reflect.String {
		return errors.New("this key can be set in the file only")
	}
	m := reflect.MakeMap(v.Type())
	for _, item := range splitList(text) {
		name, value, ok := strings.Cut(item, "=")
		if !ok {
			return fmt.Errorf("parse %q: want name=value", item)
		}
		e := reflect.New(v.Type().Elem()).Elem()
		if err := set(e, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		m.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), e)
	}
	v.Set(m)
	return nil
}

func splitList(text string) []string {
	var items []string
	for _, item := range strings.Split(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
