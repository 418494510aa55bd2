package blueprint

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// chart is a Helm chart whose values can be filled in.
type chart struct {
	chart  string
	values map[string]node
}

// node is a value of a chart: a text to fill in, a list, an object, or
// anything else as it is.
type node struct {
	text   *text
	list   []node
	object map[string]node
	plain  any
}

func (c *compiler) compileChart(path string, m *typev1.HelmChart, in scope) *chart {
	if m == nil {
		return nil
	}
	name := m.GetChart()
	switch {
	case name == "":
		c.at(path+".chart", "is missing", "a directory, an archive, or an OCI reference by digest")
	case strings.HasPrefix(name, "oci://") && !imageDigest.MatchString(name):
		c.at(path+".chart", fmt.Sprintf("%q is not by digest", name), "oci://registry/name@sha256:…")
	}
	out := &chart{chart: name, values: map[string]node{}}
	for _, key := range sortedKeys(m.GetValues().GetFields()) {
		out.values[key] = c.compileNode(path+".values."+key, m.GetValues().GetFields()[key], in)
	}
	return out
}

func (c *compiler) compileNode(path string, v *structpb.Value, in scope) node {
	switch k := v.GetKind().(type) {
	case *structpb.Value_StringValue:
		return node{text: c.compileText(path, k.StringValue, in)}
	case *structpb.Value_ListValue:
		list := make([]node, len(k.ListValue.GetValues()))
		for i, item := range k.ListValue.GetValues() {
			list[i] = c.compileNode(fmt.Sprintf("%s[%d]", path, i), item, in)
		}
		return node{list: list}
	case *structpb.Value_StructValue:
		object := map[string]node{}
		for _, key := range sortedKeys(k.StructValue.GetFields()) {
			object[key] = c.compileNode(path+"."+key, k.StructValue.GetFields()[key], in)
		}
		return node{object: object}
	}
	return node{plain: v.AsInterface()}
}

func (n node) render(f *filler) (any, error) {
	switch {
	case n.text != nil:
		return f.fill(n.text)
	case n.list != nil:
		out := make([]any, len(n.list))
		for i, item := range n.list {
			v, err := item.render(f)
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
		return out, nil
	case n.object != nil:
		return renderObject(n.object, f)
	}
	return n.plain, nil
}

func renderObject(object map[string]node, f *filler) (map[string]any, error) {
	out := make(map[string]any, len(object))
	for _, key := range sortedKeys(object) {
		v, err := object[key].render(f)
		if err != nil {
			return nil, err
		}
		out[key] = v
	}
	return out, nil
}
