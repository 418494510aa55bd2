package yamlpb

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// describe says what the author wrote, in the words of the author.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
	default:
		return "nothing that can be used here"
	}
	switch tag := n.ShortTag(); tag {
	case nullTag:
		return "empty"
	case "!!str":
		return fmt.Sprintf("the text %q", shorten(n.Value))
	case "!!int", "!!float":
		return "the number " + shorten(n.Value)
	case "!!bool":
		return shorten(n.Value)
	case "!!timestamp":
		return "the date " + shorten(n.Value)
	default:
		return "tagged " + tag
	}
}

func shorten(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func kindWords(field protoreflect.FieldDescriptor) string {
	switch field.Kind() {
	case protoreflect.StringKind:
		return "a text"
	case protoreflect.BoolKind:
		return "true or false"
	case protoreflect.Int32Kind:
		return "a whole number"
	case protoreflect.DoubleKind:
		return "a number"
	case protoreflect.EnumKind:
		return "one of " + strings.Join(enumNames(field), ", ")
	}
	return field.Kind().String()
}

func names(fields protoreflect.FieldDescriptors) []string {
	out := make([]string, fields.Len())
	for i := range out {
		out[i] = string(fields.Get(i).Name())
	}
	return out
}

func oneOf(fields protoreflect.FieldDescriptors) string {
	return "one of " + strings.Join(names(fields), ", ")
}
