package yamlpb

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	"stampworks.dev/pkg/blueprint/internal/suggest"
)

// scalar reads one scalar of the field's kind, or complains.
func (d *decoder) scalar(n *yaml.Node, field protoreflect.FieldDescriptor, path string) (protoreflect.Value, bool) {
	none := protoreflect.Value{}
	if n.Kind != yaml.ScalarNode || !plainTag(n) {
		d.add(n, path, "is "+describe(n), kindWords(field))
		return none, false
	}
	switch field.Kind() {
	case protoreflect.StringKind:
		if n.Tag != nullTag { // a number or a truth value is taken as it is written
			return protoreflect.ValueOfString(n.Value), true
		}
	case protoreflect.BoolKind:
		if b, ok := boolean(n); ok {
			return protoreflect.ValueOfBool(b), true
		}
	case protoreflect.Int32Kind:
		if i, ok := whole(n); ok && i >= math.MinInt32 && i <= math.MaxInt32 {
			return protoreflect.ValueOfInt32(int32(i)), true
		}
	case protoreflect.DoubleKind:
		if f, ok := number(n); ok {
			return protoreflect.ValueOfFloat64(f), true
		}
	case protoreflect.EnumKind:
		return d.enum(n, field, path)
	}
	d.add(n, path, "is "+describe(n), kindWords(field))
	return none, false
}

func (d *decoder) enum(n *yaml.Node, field protoreflect.FieldDescriptor, path string) (protoreflect.Value, bool) {
	values := field.Enum().Values()
	if v := values.ByName(protoreflect.Name(n.Value)); v != nil && v.Number() != 0 {
		return protoreflect.ValueOfEnum(v.Number()), true
	}
	known := enumNames(field)
	d.add(n, path, fmt.Sprintf("is %q%s", n.Value, suggest.DidYouMean(n.Value, known)), "one of "+strings.Join(known, ", "))
	return protoreflect.Value{}, false
}

// enumNames leaves out the value that means "not set".
func enumNames(field protoreflect.FieldDescriptor) []string {
	values := field.Enum().Values()
	var out []string
	for i := range values.Len() {
		if values.Get(i).Number() != 0 {
			out = append(out, string(values.Get(i).Name()))
		}
	}
	return out
}

func plainTag(n *yaml.Node) bool {
	switch n.ShortTag() {
	case "!!str", "!!int", "!!float", "!!bool", "!!timestamp", nullTag, mergeTag:
		return true
	}
	return false
}

func whole(n *yaml.Node) (int64, bool) {
	if n.ShortTag() != "!!int" {
		return 0, false
	}
	i, err := strconv.ParseInt(strings.ReplaceAll(n.Value, "_", ""), 0, 64)
	return i, err == nil
}

func boolean(n *yaml.Node) (value, ok bool) {
	if n.ShortTag() != "!!bool" {
		return false, false
	}
	return strings.EqualFold(n.Value, "true"), true
}

func number(n *yaml.Node) (float64, bool) {
	if tag := n.ShortTag(); tag != "!!float" && tag != "!!int" {
		return 0, false
	}
	if i, ok := whole(n); ok {
		return float64(i), true
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(n.Value, "_", ""), 64)
	return f, err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
}
