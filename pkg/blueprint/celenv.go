package blueprint

import (
	"encoding/json"
	"fmt"
	"net/url"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// declare makes the CEL environment: every name of the blueprint with its
// type, the standard functions, and two that make a text safe inside another.
func (c *compiler) declare() error {
	c.declareSymbols()
	opts := []cel.EnvOption{
		cel.ClearMacros(),
		cel.Macros(cel.AllMacro, cel.ExistsMacro, cel.ExistsOneMacro, cel.MapMacro, cel.FilterMacro),
		cel.ParserRecursionLimit(40),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.Function("json", cel.Overload("json_string", []*cel.Type{cel.StringType}, cel.StringType, cel.UnaryBinding(jsonText))),
		cel.Function("urlEscape", cel.Overload("url_escape_string", []*cel.Type{cel.StringType}, cel.StringType, cel.UnaryBinding(urlEscape))),
	}
	for _, name := range sortedKeys(c.symbols) {
		if identifierPath(name) { // others were reported, and would break the environment
			opts = append(opts, cel.Variable(name, c.symbols[name].typ))
		}
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return fmt.Errorf("make expression environment of %q: %w", c.msg.GetBlueprint(), err)
	}
	c.env = env
	return nil
}

// jsonText is a text as a JSON string, quotes included.
func jsonText(v ref.Val) ref.Val {
	s, ok := v.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	b, err := json.Marshal(string(s))
	if err != nil {
		return types.WrapErr(err)
	}
	return types.String(b)
}

// urlEscape makes a text safe as one piece of a URL's path, query or user.
func urlEscape(v ref.Val) ref.Val {
	s, ok := v.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	return types.String(url.PathEscape(string(s)))
}
