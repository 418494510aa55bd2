package blueprints

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/printer"
)

// change is one field that differs.
type change struct {
	Path string `json:"path"`
	// Old and New are nil where the field is not there.
	Old any `json:"old"`
	New any `json:"new"`
}

// String is the change for people, in one line, or two where texts are long.
func (c change) String() string {
	switch {
	case c.Old == nil:
		return "+ " + c.Path + ": " + text(c.New)
	case c.New == nil:
		return "- " + c.Path + ": " + text(c.Old)
	}
	before, after := text(c.Old), text(c.New)
	if len(c.Path)+len(before)+len(after) < 80 {
		return "~ " + c.Path + ": " + before + " → " + after
	}
	indent := "\n" + strings.Repeat(" ", 4)
	return "~ " + c.Path + indent + "old " + before + indent + "new " + after
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return printer.Safe(s)
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return printer.Safe(string(encoded))
}

// flatten gives each scalar and each list of a recipe under its path, as
// authors write it: "components.app.run".
func flatten(recipe *typev1.Blueprint) (map[string]any, error) {
	encoded, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(recipe)
	if err != nil {
		return nil, fmt.Errorf("encode recipe: %w", err)
	}
	var tree map[string]any
	if err := json.Unmarshal(encoded, &tree); err != nil {
		return nil, fmt.Errorf("encode recipe: %w", err)
	}
	out := map[string]any{}
	var visit func(path string, v any)
	visit = func(path string, v any) {
		branch, ok := v.(map[string]any)
		if !ok || len(branch) == 0 {
			out[strings.TrimPrefix(path, ".")] = v
			return
		}
		for key, below := range branch {
			visit(path+"."+key, below)
		}
	}
	visit("", tree)
	return out, nil
}

// compare lists what differs, by path.
func compare(before, after map[string]any) []change {
	all := maps.Clone(before)
	maps.Copy(all, after)
	changes := []change{}
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if !reflect.DeepEqual(before[path], after[path]) {
			changes = append(changes, change{Path: path, Old: before[path], New: after[path]})
		}
	}
	return changes
}
