package yamlpb

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

var opts = Options{Shorthand: map[protoreflect.FullName]protoreflect.Name{"stampworks.type.v1.Job": "exec"}}

// TestDecode: the many ways to write the same message.
func TestDecode(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"as written":  {"values: {a: 1, b: 0x1F, c: true, d: 1.50, e: 2026-01-02, f: '', g: null-ish, h: 1_000}", `{"values":{"a":"1","b":"0x1F","c":"true","d":"1.50","e":"2026-01-02","f":"","g":"null-ish","h":"1_000"}}`},
		"nothing":     {"plans: {small: }\nvalues:\nsmoke: ~", `{"plans":{"small":{}}}`},
		"shorthand":   {"components: {a: {setup: x y, migrate: {exec: z, timeout: 1m30s}}}", `{"components":{"a":{"setup":{"exec":"x y"},"migrate":{"exec":"z","timeout":"90s"}}}}`},
		"alias":       {"values: {a: &x 1, b: *x}", `{"values":{"a":"1","b":"1"}}`},
		"merge":       {"components:\n  a: {env: &e {A: 1, B: 2}}\n  b: {env: {<<: *e, B: 3}}", `{"components":{"a":{"env":{"A":"1","B":"2"}},"b":{"env":{"A":"1","B":"3"}}}}`},
		"merge order": {"components:\n  a: {env: {<<: [{A: 1}, {A: 2, B: 2}]}}", `{"components":{"a":{"env":{"A":"1","B":"2"}}}}`},
		"any value":   {"inputs: {a: {type: INT, default: 3, enum: [1, x, true, 0.5]}}", `{"inputs":{"a":{"type":"INT","default":3,"enum":[1,"x",true,0.5]}}}`},
		"struct":      {"components: {a: {helm: {values: {x: [1, {y: null}], z: {}}}}}", `{"components":{"a":{"helm":{"values":{"x":[1,{"y":null}],"z":{}}}}}}`},
		"carriage":    {"values:\r\n  a: b\r\n", `{"values":{"a":"b"}}`},
	} {
		got, want := &typev1.Blueprint{}, &typev1.Blueprint{}
		if err := protojson.Unmarshal([]byte(c.want), want); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, issues := Decode([]byte(c.src), got, opts); len(issues) > 0 {
			t.Errorf("%s: %+v", name, issues)
		} else if !proto.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// TestPosition: the character that a byte of the scalar was written as.
func TestPosition(t *testing.T) {
	for name, src := range map[string]string{
		"plain":            "values:\n  v: ab é @\n",
		"single quotes":    "values: {v: 'it''s '' @'}\n",
		"double quotes":    "values: {v: \"a\\t\\x41\\u00e9\\U0001F600 \\\" @\"}\n",
		"escaped break":    "values:\n  v: \"one \\\n    two @\"\n",
		"plain lines":      "values:\n  v: one\n    two\n\n    three @\n",
		"quoted lines":     "values:\n  v: \"one\n    two\n\n    @\"\n",
		"literal":          "values:\n  v: |\n    one\n      two\n\n    @ x\n",
		"literal, comment": "values:\n  v: |2- # @ not here\n      one @\n",
		"folded":           "values:\n  v: >-\n    one\n    two\n\n      more\n    @\n",
		"anchor":           "values:\n  v: &name !!str 'x@'\n",
		"tabs and returns": "values:\r\n  v: |\r\n    a\tb\r\n    @\r\n",
	} {
		msg := &typev1.Blueprint{}
		index, issues := Decode([]byte(src), msg, opts)
		if len(issues) > 0 {
			t.Errorf("%s: %+v", name, issues)
			continue
		}
		line, column := index.Position("values.v", strings.LastIndex(msg.GetValues()["v"], "@"))
		lines := strings.Split(src, "\n")
		if line < 1 || line > len(lines) {
			t.Errorf("%s: line %d", name, line)
			continue
		}
		if text := []rune(lines[line-1]); column < 1 || column > len(text) || text[column-1] != '@' {
			t.Errorf("%s: %d:%d of %q is not the @", name, line, column, lines[line-1])
		}
	}
}

// TestPositionOfWhatIsMissing is that of what would hold it.
func TestPositionOfWhatIsMissing(t *testing.T) {
	index, _ := Decode([]byte("blueprint: shop\ncomponents:\n  web: {run: x}\n"), &typev1.Blueprint{}, opts)
	for path, want := range map[string][2]int{
		"components.web.artifact": {3, 3}, "components.web.setup.env.A": {3, 3}, "plans": {1, 1}, "components.web.run": {3, 14}, "blueprint": {1, 12},
	} {
		if line, column := index.Position(path, 0); [2]int{line, column} != want {
			t.Errorf("%s: %d:%d, want %v", path, line, column, want)
		}
	}
	if line, column := (*Index)(nil).Position("blueprint", 0); line != 0 || column != 0 {
		t.Errorf("no file: %d:%d", line, column)
	}
}
