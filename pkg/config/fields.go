package config

import (
	"encoding"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// field is one key of a struct.
type field struct {
	name string // as in the file
	help string
	// otherwise is what is taken where the field is zero, for people.
	otherwise string
	index     []int
	typ       reflect.Type
}

// fieldsOf lists the keys of a struct as yaml sees them: tag or lower-case
// name, inlined structs flattened, unexported and "-" left out.
func fieldsOf(t reflect.Type) []field {
	var list []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || (name == "-" && options == "") {
			continue
		}
		if hasOption(options, "inline") && f.Type.Kind() == reflect.Struct {
			for _, in := range fieldsOf(f.Type) {
				in.index = append([]int{i}, in.index...)
				list = append(list, in)
			}
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		list = append(list, field{name: name, help: f.Tag.Get("help"), otherwise: f.Tag.Get("default"), index: []int{i}, typ: f.Type})
	}
	return list
}

func hasOption(options, want string) bool {
	for _, o := range strings.Split(options, ",") {
		if o == want {
			return true
		}
	}
	return false
}

var (
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
	yamlType = reflect.TypeFor[yaml.Unmarshaler]()
)

// ownForm reports whether a type reads itself, so that its inside is not ours
// to look at.
func ownForm(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(textType) || p.Implements(yamlType)
}

// isGroup reports whether a type holds keys of its own.
func isGroup(t reflect.Type) bool { return t.Kind() == reflect.Struct && !ownForm(t) }

// leaf is a key that holds a value.
type leaf struct {
	path      string
	help      string
	otherwise string
	value     reflect.Value
}

// leavesOf walks a struct in the order of its fields. The help of a group
// introduces that of what is in it.
func leavesOf(v reflect.Value, path string) []leaf {
	var list []leaf
	for _, f := range fieldsOf(v.Type()) {
		at, fv := join(path, f.name), v.FieldByIndex(f.index)
		if isGroup(f.typ) {
			for _, l := range leavesOf(fv, at) {
				l.help = strings.TrimSuffix(strings.TrimPrefix(f.help+": "+l.help, ": "), ": ")
				list = append(list, l)
			}
			continue
		}
		list = append(list, leaf{path: at, help: f.help, otherwise: f.otherwise, value: fv})
	}
	return list
}
