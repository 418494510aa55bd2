package yamlpb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Limits of a document. A blueprint of forty components is under 1,000 nodes.
const (
	MaxSize  = 64 << 10 // bytes
	MaxDepth = 32       // levels of nesting
	MaxNodes = 20_000   // nodes visited, each alias counted as what it stands for
)

// Issue is one thing wrong with a document.
type Issue struct {
	Line, Column int    // 1-based; 0 when unknown
	Path         string // "components.app.run"
	Message      string // what is wrong
	Expected     string // what would be right; may be empty
	Within       string // the path below which later checks see less than the author wrote
}

// Options change how a message is decoded.
type Options struct {
	// Shorthand names the field that a bare scalar sets, by message.
	Shorthand map[protoreflect.FullName]protoreflect.Name
}

var errTooMuch = errors.New("document is too deep or too large")

type decoder struct {
	opts   Options
	index  *Index
	issues []Issue
	nodes  int
}

// Decode fills the message. It goes on after a mistake and gives all of them;
// the message then holds what could be read. The index is never nil.
func Decode(src []byte, into proto.Message, opts Options) (*Index, []Issue) {
	d := &decoder{opts: opts, index: newIndex(src)}
	if root := d.parse(src); root != nil {
		if err := d.message(root, into.ProtoReflect(), "", 0); err != nil {
			// The tree cannot be trusted, nor can what was read from it.
			d.issues = d.issues[len(d.issues)-1:]
			d.issues[0].Within = ""
			proto.Reset(into)
		}
	}
	return d.index, d.issues
}

// parse gives the root of the only document, or nil after an issue.
func (d *decoder) parse(src []byte) *yaml.Node {
	if len(src) > MaxSize {
		d.add(nil, "", fmt.Sprintf("the file has %d bytes", len(src)), fmt.Sprintf("at most %d", MaxSize))
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(src))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		d.add(nil, "", "the file is empty", "a blueprint")
		return nil
	case err != nil:
		d.syntax(err)
		return nil
	}
	switch err := dec.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		d.syntax(err)
		return nil
	default:
		d.add(&second, "", "a second document begins here", "one document in a file")
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		d.add(&doc, "", "the file is empty", "a blueprint")
		return nil
	}
	return doc.Content[0]
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntax turns the parser's error into an issue.
func (d *decoder) syntax(err error) {
	issue := Issue{Message: "the file is not YAML: " + err.Error(), Line: 1, Column: 1}
	text := strings.Join(strings.Fields(err.Error()), " ")
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		issue.Message = "the file is not YAML: " + m[2]
		if n, convErr := strconv.Atoi(m[1]); convErr == nil {
			issue.Line = n
		}
	}
	switch {
	case strings.Contains(text, "',' or "):
		issue.Expected = "quotes around a text with ${…} inside [ ] or { }"
	case strings.Contains(text, "mapping values are not allowed"):
		issue.Expected = `quotes around a text with ": " in it`
	}
	d.issues = append(d.issues, issue)
}

func (d *decoder) add(n *yaml.Node, path, message, expected string) {
	d.addWithin(n, path, path, message, expected)
}

func (d *decoder) addWithin(n *yaml.Node, path, within, message, expected string) {
	issue := Issue{Path: path, Within: within, Message: message, Expected: expected, Line: 1, Column: 1}
	if n != nil {
		issue.Line, issue.Column = n.Line, n.Column
	}
	d.issues = append(d.issues, issue)
}

// enter resolves aliases and counts; it fails when the document is too much.
func (d *decoder) enter(n *yaml.Node, path string, depth int) (*yaml.Node, error) {
	d.nodes++
	if depth > MaxDepth {
		d.add(n, path, "nesting is too deep", fmt.Sprintf("at most %d levels", MaxDepth))
		return nil, errTooMuch
	}
	if d.nodes > MaxNodes {
		d.add(n, path, "aliases make the document too large", fmt.Sprintf("at most %d nodes", MaxNodes))
		return nil, errTooMuch
	}
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n, nil
}
