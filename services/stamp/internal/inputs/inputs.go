// Package inputs reads KEY=VALUE as a blueprint's inputs: typed as the
// blueprint says, or as they look where it does not.
package inputs

import (
	"encoding/json"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/exit"
)

// Parse reads pairs. The recipe may be nil.
func Parse(pairs []string, recipe *typev1.Blueprint) (map[string]*structpb.Value, error) {
	out := make(map[string]*structpb.Value, len(pairs))
	for _, pair := range pairs {
		key, text, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, exit.Usagef("--input %s: want KEY=VALUE", pair)
		}
		value, err := parse(text, recipe.GetInputs()[key].GetType())
		if err != nil {
			return nil, exit.Usagef("--input %s: %v", pair, err)
		}
		out[key] = value
	}
	return out, nil
}

// Plain is Parse for a message that is not ours: plain JSON values.
func Plain(pairs []string) (map[string]any, error) {
	values, err := Parse(pairs, nil)
	if err != nil {
		return nil, err
	}
	out := make(map[string]any, len(values))
	for key, value := range values {
		out[key] = value.AsInterface()
	}
	return out, nil
}

func parse(text string, kind typev1.Input_Type) (*structpb.Value, error) {
	switch kind {
	case typev1.Input_STRING:
		return structpb.NewStringValue(text), nil
	case typev1.Input_INT, typev1.Input_DOUBLE:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, exit.Usagef("want a number")
		}
		return structpb.NewNumberValue(n), nil
	case typev1.Input_BOOL:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, exit.Usagef("want true or false")
		}
		return structpb.NewBoolValue(b), nil
	}
	var number json.Number
	if json.Unmarshal([]byte(text), &number) == nil && text[0] != '"' {
		if n, err := number.Float64(); err == nil {
			return structpb.NewNumberValue(n), nil
		}
	}
	if text == "true" || text == "false" {
		return structpb.NewBoolValue(text == "true"), nil
	}
	return structpb.NewStringValue(text), nil
}
