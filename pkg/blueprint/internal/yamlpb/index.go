package yamlpb

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// Index knows where the fields of a decoded message stand in the file. A nil
// index knows nothing and says 0, 0.
type Index struct {
	lines []string
	nodes map[string]place
}

type place struct{ key, value *yaml.Node }

func newIndex(src []byte) *Index {
	return &Index{lines: strings.SplitAfter(string(src), "\n"), nodes: map[string]place{}}
}

func (x *Index) record(path string, key, value *yaml.Node) {
	x.nodes[path] = place{key: key, value: value}
}

// Has reports whether the path is written in the file.
func (x *Index) Has(path string) bool {
	if x == nil {
		return false
	}
	_, ok := x.nodes[path]
	return ok
}

// Position is the line and column (both 1-based, columns in characters) of a
// path. For a scalar, offset is a byte of the decoded text; below 0 it is the
// key in front of it. A path that is not in the file has the position of what
// would hold it.
func (x *Index) Position(path string, offset int) (line, column int) {
	if x == nil {
		return 0, 0
	}
	for {
		if p, ok := x.nodes[path]; ok {
			return x.locate(p, offset)
		}
		if path == "" {
			return 1, 1
		}
		path = parent(path)
		offset = 0
	}
}

func parent(path string) string {
	if i := strings.LastIndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return ""
}

func (x *Index) locate(p place, offset int) (line, column int) {
	value := p.value
	for value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	if value.Kind == yaml.ScalarNode && (offset >= 0 || p.key == nil) {
		return x.within(value, offset)
	}
	if p.key != nil {
		return p.key.Line, p.key.Column
	}
	return value.Line, value.Column
}

// within follows the scalar as written beside the scalar as decoded, up to the
// given byte. Where they differ it is quoting, an escape, or white space that
// YAML folds away.
func (x *Index) within(n *yaml.Node, offset int) (line, column int) {
	c := cursor{lines: x.lines, line: n.Line - 1, column: n.Column - 1}
	if n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		c.skipProperties()
	}
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		c.line, c.column = c.line+1, 0
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 && offset > 0:
		c.column++
	case offset == 0:
		return n.Line, n.Column
	}
	double := n.Style&yaml.DoubleQuotedStyle != 0
	single := n.Style&yaml.SingleQuotedStyle != 0
	for i, want := range n.Value {
		if !c.seek(want, double) || i >= offset {
			break
		}
		if !c.step(want, single, double) {
			break
		}
	}
	return c.line + 1, c.column + 1
}
