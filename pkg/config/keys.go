package config

import (
	"errors"
	"fmt"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// checkKeys reports every key of the document that no field takes.
func checkKeys(n *yaml.Node, t reflect.Type, path string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n.Kind == yaml.DocumentNode:
		return checkKeys(n.Content[0], t, path)
	case n.Kind == yaml.AliasNode:
		return checkKeys(n.Alias, t, path)
	case n.Kind == yaml.MappingNode && isGroup(t):
		return checkMapping(n, t, path)
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Map:
		var all []error
		for i := 0; i+1 < len(n.Content); i += 2 {
			all = append(all, checkKeys(n.Content[i+1], t.Elem(), join(path, n.Content[i].Value)))
		}
		return errors.Join(all...)
	case n.Kind == yaml.SequenceNode && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array):
		var all []error
		for i, item := range n.Content {
			all = append(all, checkKeys(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i)))
		}
		return errors.Join(all...)
	default:
		return nil // decoding says what else is wrong
	}
}

func checkMapping(n *yaml.Node, t reflect.Type, path string) error {
	types, names := map[string]reflect.Type{}, []string{}
	for _, f := range fieldsOf(t) {
		types[f.name] = f.typ
		names = append(names, f.name)
	}
	var all []error
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" {
			all = append(all, checkKeys(value, t, path))
			continue
		}
		ft, known := types[key.Value]
		if !known {
			all = append(all, fmt.Errorf("line %d: unknown key %q%s", key.Line, join(path, key.Value), suggest(key.Value, names)))
			continue
		}
		all = append(all, checkKeys(value, ft, join(path, key.Value)))
	}
	return errors.Join(all...)
}
