// Package printer writes data to stdout: tables for people, and the API's own
// JSON, the same as YAML, or bare names for programs.
package printer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Format is a form of -o.
type Format string

// The forms.
const (
	Table Format = "table"
	Wide  Format = "wide"
	JSON  Format = "json"
	YAML  Format = "yaml"
	Name  Format = "name"
	// CSV is for lists of tenants only.
	CSV Format = "csv"
)

// ParseFormat reads -o; others are forms beside the five that all have.
func ParseFormat(text string, others ...Format) (Format, error) {
	all := append([]Format{Table, Wide, JSON, YAML, Name}, others...)
	if text == "" {
		return Table, nil
	}
	if !slices.Contains(all, Format(text)) {
		names := make([]string, len(all))
		for i, f := range all {
			names[i] = string(f)
		}
		return "", fmt.Errorf("-o %s: want one of %s", text, strings.Join(names, ", "))
	}
	return Format(text), nil
}

// Printer writes in one form.
type Printer struct {
	Out    io.Writer
	Format Format
	// Now reads the clock that ages are counted to, when they are written.
	Now func() time.Time
}

// ForPeople says that a table or a page is wanted.
func (p *Printer) ForPeople() bool { return p.Format == Table || p.Format == Wide }

// Encode gives a message as the gateway writes it: JSON by the protobuf
// mapping, defaults included.
func Encode(m proto.Message) (json.RawMessage, error) {
	text, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	var compact bytes.Buffer // protojson varies its spaces on purpose
	if err := json.Compact(&compact, text); err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return compact.Bytes(), nil
}

// Message writes a message as JSON or YAML.
func (p *Printer) Message(m proto.Message) error {
	text, err := Encode(m)
	if err != nil {
		return err
	}
	return p.Raw(text)
}

// Raw writes JSON as JSON or YAML.
func (p *Printer) Raw(text json.RawMessage) error {
	if p.Format == YAML {
		return p.asYAML(text)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	out.WriteByte('\n')
	_, err := p.Out.Write(out.Bytes())
	return err
}

// asYAML keeps the order of the fields: JSON is YAML, in another style.
func (p *Printer) asYAML(text json.RawMessage) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	blockStyle(&doc)
	encoder := yaml.NewEncoder(p.Out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&doc); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return encoder.Close()
}

func blockStyle(n *yaml.Node) {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!str" && strings.Contains(n.Value, "\n"):
		n.Style = yaml.LiteralStyle
	case len(n.Content) > 0 || n.Kind == yaml.ScalarNode:
		n.Style = 0
	}
	for _, child := range n.Content {
		blockStyle(child)
	}
}
