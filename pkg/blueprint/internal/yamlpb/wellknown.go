package yamlpb

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
)

// wellKnown fills the message types that have a form of their own in YAML. It
// is false for all others.
func (d *decoder) wellKnown(n *yaml.Node, msg protoreflect.Message, path string, depth int) (bool, error) {
	switch into := msg.Interface().(type) {
	case *durationpb.Duration:
		d.duration(n, into, path)
		return true, nil
	case *structpb.Value:
		v, err := d.value(n, path, depth)
		if v != nil {
			proto.Merge(into, v)
		}
		return true, err
	case *structpb.Struct:
		v, err := d.value(n, path, depth)
		switch {
		case err != nil || v == nil:
			return true, err
		case v.GetStructValue() != nil:
			proto.Merge(into, v.GetStructValue())
		case n.Tag != nullTag:
			d.add(n, path, "is "+describe(n), "a mapping")
		}
		return true, nil
	}
	return false, nil
}

func (d *decoder) duration(n *yaml.Node, into *durationpb.Duration, path string) {
	const expected = `a duration such as "500ms", "30s" or "10m"`
	if n.Kind != yaml.ScalarNode || n.Tag == nullTag {
		d.add(n, path, "is "+describe(n), expected)
		return
	}
	v, err := time.ParseDuration(n.Value)
	switch {
	case err != nil:
		d.add(n, path, fmt.Sprintf("%q is not a duration", n.Value), expected)
	case v < 0:
		d.add(n, path, fmt.Sprintf("%q is negative", n.Value), expected)
	default:
		proto.Merge(into, durationpb.New(v))
	}
}

// value reads anything into the form of JSON; nil after an issue.
func (d *decoder) value(n *yaml.Node, path string, depth int) (*structpb.Value, error) {
	n, err := d.enter(n, path, depth)
	if err != nil {
		return nil, err
	}
	switch n.Kind {
	case yaml.SequenceNode:
		list := &structpb.ListValue{}
		for i, item := range n.Content {
			at := fmt.Sprintf("%s[%d]", path, i)
			d.index.record(at, item, item)
			v, err := d.value(item, at, depth+1)
			if err != nil {
				return nil, err
			}
			if v != nil {
				list.Values = append(list.Values, v)
			}
		}
		return structpb.NewListValue(list), nil
	case yaml.MappingNode:
		return d.object(n, path, depth)
	}
	return d.plainValue(n, path), nil
}

func (d *decoder) object(n *yaml.Node, path string, depth int) (*structpb.Value, error) {
	entries, err := d.entries(n, path, depth)
	if err != nil {
		return nil, err
	}
	object := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for _, e := range entries {
		at := join(path, e.name)
		d.index.record(at, e.key, e.value)
		v, err := d.value(e.value, at, depth+1)
		if err != nil {
			return nil, err
		}
		if v != nil {
			object.Fields[e.name] = v
		}
	}
	return structpb.NewStructValue(object), nil
}

func (d *decoder) plainValue(n *yaml.Node, path string) *structpb.Value {
	if n.Kind == yaml.ScalarNode && plainTag(n) {
		switch n.ShortTag() {
		case nullTag:
			return structpb.NewNullValue()
		case "!!bool":
			b, _ := boolean(n)
			return structpb.NewBoolValue(b)
		case "!!int", "!!float":
			if f, ok := number(n); ok {
				return structpb.NewNumberValue(f)
			}
		default:
			return structpb.NewStringValue(n.Value)
		}
	}
	d.add(n, path, "is "+describe(n), "a text, a number, true or false, a list or a mapping")
	return nil
}
