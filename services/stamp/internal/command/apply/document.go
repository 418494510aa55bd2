package apply

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"stampworks.dev/pkg/rpc/outputonly"
	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/recipe"
)

// document is one document of a file.
type document struct {
	// where is its file and line.
	where string
	thing thing
}

// thing is what a document describes.
type thing interface {
	name() string
	// rank orders things: what others need comes first.
	rank() int
	send(ctx context.Context, o *options) (result applied, err error)
}

func order(all []document) {
	slices.SortStableFunc(all, func(a, b document) int { return cmp.Compare(a.thing.rank(), b.thing.rank()) })
}

// read splits a file into its documents and decodes each.
func (o *options) read(file string) ([]document, error) {
	var text []byte
	var err error
	if file == "-" {
		file = "stdin"
		text, err = io.ReadAll(o.In)
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("read documents: %w", err)
	}
	var all []document
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var node yaml.Node
		switch err := decoder.Decode(&node); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, &exit.Error{Code: exit.Failure, Message: file + ": " + strings.TrimPrefix(err.Error(), "yaml: ")}
		}
		if len(node.Content) == 0 || node.Content[0].Tag == "!!null" {
			continue
		}
		where := fmt.Sprintf("%s:%d", file, node.Content[0].Line)
		decoded, err := decode(file, node.Content[0])
		if err != nil {
			return nil, &exit.Error{Code: exit.Failure, Message: where + ": " + err.Error()}
		}
		all = append(all, document{where: where, thing: decoded})
	}
}

func decode(file string, root *yaml.Node) (thing, error) {
	var fields map[string]any
	if err := root.Decode(&fields); err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	kind, _ := fields["kind"].(string)
	delete(fields, "kind")
	delete(fields, "apiVersion")
	switch kind {
	case "Tenant":
		t := &tenant{wish: &registryv1.Tenant{}}
		var err error
		t.mask, err = into(t.wish, fields)
		t.wish.Name, t.wish.Blueprint, t.wish.Cell = names.Tenant(t.wish.GetName()), names.Wish(t.wish.GetBlueprint()), names.Cell(t.wish.GetCell())
		return t, err
	case "Source":
		s := &source{wish: &registryv1.Source{}}
		var err error
		s.mask, err = into(s.wish, fields)
		s.wish.Name = names.Source(s.wish.GetName())
		return s, err
	case "":
		if fields["blueprint"] != nil && fields["revision"] != nil && fields["components"] != nil {
			return prepare(file, root)
		}
		return nil, errors.New("has no kind: want Tenant, Source, or a blueprint")
	}
	return nil, fmt.Errorf("is of kind %q: want Tenant, Source, or a blueprint without one", kind)
}

// into decodes fields strictly, and gives the names of those that are set.
func into(m proto.Message, fields map[string]any) (mask []string, err error) {
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	if err := protojson.Unmarshal(text, m); err != nil {
		return nil, errors.New(strings.TrimSpace(clean(err.Error())))
	}
	descriptors := m.ProtoReflect().Descriptor().Fields()
	named := false
	for key := range fields {
		field := descriptors.ByJSONName(key)
		if field == nil {
			field = descriptors.ByTextName(key)
		}
		switch {
		case field == nil:
		case field.Name() == "name":
			named = true
		case field.Name() != "etag" && !outputonly.Path(m.ProtoReflect().Descriptor(), string(field.Name())): // as in what "get -o yaml" gives
			mask = append(mask, string(field.Name()))
		}
	}
	if !named {
		return nil, errors.New("has no name")
	}
	slices.Sort(mask)
	return mask, nil
}

// clean takes from a message of the JSON decoder the position, which is one
// in JSON that nobody wrote.
func clean(message string) string {
	if _, after, ok := strings.Cut(message, "): "); ok {
		return after
	}
	return message
}

func prepare(file string, root *yaml.Node) (thing, error) {
	text, err := yaml.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("read blueprint: %w", err)
	}
	if whole, err := os.ReadFile(file); err == nil && !bytes.Contains(whole, []byte("\n---")) {
		text = whole // a file of its own keeps its lines
	}
	prepared, err := recipe.PrepareText(file, text)
	if err != nil {
		return nil, fmt.Errorf("cannot be published:\n%w", err)
	}
	return &product{prepared: prepared}, nil
}
