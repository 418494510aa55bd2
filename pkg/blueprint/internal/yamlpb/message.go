package yamlpb

import (
	"fmt"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	"stampworks.dev/pkg/blueprint/internal/suggest"
)

const (
	nullTag  = "!!null"
	mergeTag = "!!merge"
)

// message fills one message from a mapping, or from a scalar where that has a
// meaning. Nothing at all ("standard:") is an empty message.
func (d *decoder) message(n *yaml.Node, msg protoreflect.Message, path string, depth int) error {
	n, err := d.enter(n, path, depth)
	if err != nil {
		return err
	}
	if done, err := d.wellKnown(n, msg, path, depth); done || err != nil {
		return err
	}
	fields := msg.Descriptor().Fields()
	if short := d.opts.Shorthand[msg.Descriptor().FullName()]; n.Kind == yaml.ScalarNode && n.Tag != nullTag && short != "" {
		field := fields.ByName(short)
		d.index.record(join(path, string(short)), nil, n)
		return d.field(n, msg, field, join(path, string(short)), depth)
	}
	if !d.isMapping(n, path) {
		return nil
	}
	entries, err := d.entries(n, path, depth)
	if err != nil {
		return err
	}
	for _, e := range entries {
		at := join(path, e.name)
		field := fields.ByName(protoreflect.Name(e.name))
		if field == nil {
			d.addWithin(e.key, at, path, fmt.Sprintf("unknown key %q%s", e.name, suggest.DidYouMean(e.name, names(fields))), oneOf(fields))
			continue
		}
		d.index.record(at, e.key, e.value)
		if err := d.field(e.value, msg, field, at, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// isMapping complains about anything else but nothing.
func (d *decoder) isMapping(n *yaml.Node, path string) bool {
	if n.Kind == yaml.MappingNode {
		return true
	}
	if n.Kind != yaml.ScalarNode || n.Tag != nullTag {
		d.add(n, path, "is "+describe(n), "a mapping")
	}
	return false
}

func (d *decoder) field(n *yaml.Node, msg protoreflect.Message, field protoreflect.FieldDescriptor, path string, depth int) error {
	switch {
	case field.IsMap():
		return d.mapField(n, msg, field, path, depth)
	case field.IsList():
		return d.listField(n, msg, field, path, depth)
	case field.Message() != nil:
		return d.message(n, msg.Mutable(field).Message(), path, depth)
	}
	n, err := d.enter(n, path, depth)
	if err != nil {
		return err
	}
	if v, ok := d.scalar(n, field, path); ok {
		msg.Set(field, v)
	}
	return nil
}

// mapField keeps the key of an entry whose value is wrong, so that references
// to it are not reported as well.
func (d *decoder) mapField(n *yaml.Node, msg protoreflect.Message, field protoreflect.FieldDescriptor, path string, depth int) error {
	n, err := d.enter(n, path, depth)
	if err != nil || !d.isMapping(n, path) {
		return err
	}
	entries, err := d.entries(n, path, depth)
	if err != nil {
		return err
	}
	into, of := msg.Mutable(field).Map(), field.MapValue()
	for _, e := range entries {
		at, key := join(path, e.name), protoreflect.ValueOfString(e.name).MapKey()
		d.index.record(at, e.key, e.value)
		if of.Message() != nil {
			if err := d.message(e.value, into.Mutable(key).Message(), at, depth+1); err != nil {
				return err
			}
			continue
		}
		value, err := d.enter(e.value, at, depth+1)
		if err != nil {
			return err
		}
		v, ok := d.scalar(value, of, at)
		if !ok {
			v = into.NewValue()
		}
		into.Set(key, v)
	}
	return nil
}

func (d *decoder) listField(n *yaml.Node, msg protoreflect.Message, field protoreflect.FieldDescriptor, path string, depth int) error {
	n, err := d.enter(n, path, depth)
	if err != nil {
		return err
	}
	if n.Kind != yaml.SequenceNode {
		if n.Kind != yaml.ScalarNode || n.Tag != nullTag {
			d.add(n, path, "is "+describe(n), "a list")
		}
		return nil
	}
	list := msg.Mutable(field).List()
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.index.record(at, item, item)
		if field.Message() != nil {
			if err := d.message(item, list.AppendMutable().Message(), at, depth+1); err != nil {
				return err
			}
			continue
		}
		item, err := d.enter(item, at, depth+1)
		if err != nil {
			return err
		}
		if v, ok := d.scalar(item, field, at); ok {
			list.Append(v)
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
