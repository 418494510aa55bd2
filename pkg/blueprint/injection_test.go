package blueprint_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"stampworks.dev/pkg/blueprint"
)

// TestValueIsOneArgument: whatever a customer is called or writes, a command
// keeps its words, and what was filled in stays inside its own.
func TestValueIsOneArgument(t *testing.T) {
	recipe := parseLibrary(t)
	before, err := recipe.Render(environment(t, recipe, "village"))
	if err != nil {
		t.Fatal(err)
	}
	plain := before.Components["catalog"].Command
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.StringMatching(`[^\x00]{0,40}`).Draw(rt, "display name")
		env := environment(t, recipe, "village")
		env.Tenant.DisplayName = name
		rendered, err := recipe.Render(env)
		if err != nil {
			rt.Fatalf("render: %v", err)
		}
		got := rendered.Components["catalog"].Command
		if len(got) != len(plain) {
			rt.Fatalf("%q: %d words, want %d: %q", name, len(got), len(plain), got)
		}
		for i := range got[:len(got)-1] {
			if got[i] != plain[i] {
				rt.Fatalf("%q changed word %d to %q", name, i, got[i])
			}
		}
		if want := `The "` + name + `" library`; got[len(got)-1] != want {
			rt.Fatalf("last word %q, want %q", got[len(got)-1], want)
		}
	})
}

// TestValueIsNotEvaluated: what was filled in is never looked at again.
func TestValueIsNotEvaluated(t *testing.T) {
	recipe := parseLibrary(t)
	env := environment(t, recipe, "village")
	env.Tenant.DisplayName = "${secrets.owner} $${x} ' \" \\"
	rendered, err := recipe.Render(env)
	if err != nil {
		t.Fatal(err)
	}
	command := rendered.Components["catalog"].Command
	if got, want := command[len(command)-1], `The "`+env.Tenant.DisplayName+`" library`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestResolveInputs(t *testing.T) {
	recipe := parseLibrary(t)
	type given map[string]any
	for name, c := range map[string]struct {
		plan  string
		given given
		input string // the one looked at
		want  any
		wrong string
	}{
		"default":            {"village", given{}, "shelves", int64(40), ""},
		"fixed by plan":      {"city", given{}, "shelves", int64(2000), ""},
		"fixed, same":        {"city", given{"shelves": 2000}, "shelves", int64(2000), ""},
		"fixed, other":       {"city", given{"shelves": 7}, "shelves", nil, "is fixed by the plan to 2000"},
		"given":              {"village", given{"shelves": 7}, "shelves", int64(7), ""},
		"given as text":      {"village", given{"shelves": " 7 "}, "shelves", int64(7), ""},
		"truth as text":      {"village", given{"reminders": "False"}, "reminders", false, ""},
		"whole as double":    {"village", given{"fee": 2}, "fee", 2.0, ""},
		"optional is zero":   {"village", given{}, "website", "", ""},
		"null is not given":  {"village", given{"shelves": nil}, "shelves", int64(40), ""},
		"fraction":           {"village", given{"shelves": 1.5}, "shelves", nil, "is the number 1.5, not a whole number"},
		"too low":            {"village", given{"shelves": 0}, "shelves", nil, "0 is below 1"},
		"too high":           {"village", given{"shelves": 5001}, "shelves", nil, "5001 is above 5000"},
		"not in enum":        {"village", given{"language": "fi"}, "language", nil, "fi is not allowed: it takes a text, one of en, de, fr"},
		"pattern":            {"village", given{"prefix": "lib"}, "prefix", nil, `"lib" does not match "[A-Z]{2,5}"`},
		"too long":           {"village", given{"prefix": "LIBRARY"}, "prefix", nil, "is longer than 5 characters"},
		"no uri":             {"village", given{"website": "over there"}, "website", nil, `"over there" does not have the form of uri`},
		"line break":         {"village", given{"website": "http://x\ny"}, "website", nil, "has a control character"},
		"list":               {"village", given{"website": []any{"x"}}, "website", nil, "is a list, not a text"},
		"unknown":            {"village", given{"shelfs": 3}, "shelfs", nil, `is not an input of library; did you mean "shelves"?`},
		"required":           {"village", given{"librarian": nil}, "librarian", nil, "is required: a text, in the form of email"},
		"email with a name":  {"village", given{"librarian": "Ann <ann@example.org>"}, "librarian", nil, `"Ann <ann@example.org>" does not have the form of email`},
		"number for a text":  {"village", given{"librarian": 3}, "librarian", nil, "is the number 3, not a text"},
		"unbelievably large": {"village", given{"shelves": 1e300}, "shelves", nil, "is the number 1e+300, not a whole number"},
	} {
		values := map[string]*structpb.Value{"librarian": structpb.NewStringValue("ann@example.org")}
		for k, v := range c.given {
			value, err := structpb.NewValue(v)
			if err != nil {
				t.Fatal(err)
			}
			values[k] = value
		}
		got, wrong := recipe.ResolveInputs(c.plan, values)
		switch {
		case c.wrong == "" && (wrong != nil || got[c.input] != c.want || len(got) != 7):
			t.Errorf("%s: got %v (%v), want %v", name, got, wrong, c.want)
		case c.wrong != "" && (len(wrong) != 1 || wrong[0].Field != "inputs."+c.input || wrong[0].Description != c.wrong || got != nil):
			t.Errorf("%s: got %+v, want %q", name, wrong, c.wrong)
		}
	}
	if _, wrong := recipe.ResolveInputs("moon", nil); len(wrong) != 1 || wrong[0].Field != "plan" {
		t.Errorf("unknown plan: %v", wrong)
	}
}

// TestRenderSaysWhatIsMissing names what the environment lacks.
func TestRenderSaysWhatIsMissing(t *testing.T) {
	recipe := parseLibrary(t)
	for want, spoil := range map[string]func(*blueprint.Environment){
		"fill in components.db.env.PGPASSWORD: secrets.owner is not given":    func(e *blueprint.Environment) { delete(e.Secrets, "owner") },
		"fill in components.db.run: tmp is not given":                         func(e *blueprint.Environment) { delete(e.Tmp, "db") },
		"fill in components.db.run: volumes.books is not given":               func(e *blueprint.Environment) { delete(e.Volumes, "db.books") },
		"fill in components.catalog.env.PUBLIC: endpoint.url is not given":    func(e *blueprint.Environment) { e.EndpointURL = "" },
		"fill in components.catalog.env.SHELVES: inputs.shelves is not given": func(e *blueprint.Environment) { delete(e.Inputs, "shelves") },
		"blueprint library@2.3.1 has no plan \"moon\"":                        func(e *blueprint.Environment) { e.Plan = "moon" },
		"fill in components.catalog.run: the result is over 65536 bytes":      func(e *blueprint.Environment) { e.Tenant.DisplayName = strings.Repeat("x", 70_000) },
		"fill in components.catalog.env.DATABASE: fill in values.database: fill in values.account: evaluate ${secrets.db_password}: failed; why is withheld, for it holds a secret": func(e *blueprint.Environment) { e.Secrets["db_password"] = "a\x00b" },
		"fill in components.db.run: db.sql.bind is not given":        func(e *blueprint.Environment) { delete(e.Ports, "db.sql") },
		"fill in components.db.setup.exec: files.owner is not given": func(e *blueprint.Environment) { delete(e.Files, "db") },
	} {
		env := environment(t, recipe, "village")
		spoil(&env)
		if _, err := recipe.Render(env); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestSecretStaysOutOfErrors: what CEL says about an operand is not passed on.
func TestSecretStaysOutOfErrors(t *testing.T) {
	const src = `
blueprint: shop
revision: 1.0.0
artifacts: {shop: {host: shop}}
plans: {small: {}}
secrets: {key: {}}
values: {number: "${secrets.key}"}
components:
  web:
    artifact: shop
    run: shop serve
    env: {NUMBER: "${int(values.number)}"}
`
	recipe, err := blueprint.Parse("shop.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	_, err = recipe.Render(blueprint.Environment{Plan: "small", Secrets: map[string]string{"key": "hunter2"}})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want an error without the secret", err)
	}
}

// TestRunaway: an expression that would not end is stopped.
func TestRunaway(t *testing.T) {
	ten := "[1,2,3,4,5,6,7,8,9,10]"
	deep := "1"
	for range 8 {
		deep = ten + ".map(a, " + deep + ").size()"
	}
	src := `
blueprint: shop
revision: 1.0.0
artifacts: {shop: {host: shop}}
plans: {small: {}}
components:
  web:
    artifact: shop
    run: shop serve
    env:
      LONG: ${` + deep + `}
      WIDE: "${tenant.id.size() == 0 ? 0 : ` + deep + `}"
`
	recipe, err := blueprint.Parse("shop.yaml", []byte(src))
	if recipe != nil || err == nil || !strings.Contains(err.Error(), "web.env.LONG: the expression always fails") {
		t.Fatalf("got %v", err)
	}
	recipe, err = blueprint.Parse("shop.yaml", []byte(strings.Replace(src, "LONG: ${", "LONG: $${", 1)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = recipe.Render(blueprint.Environment{Plan: "small", Tenant: blueprint.Tenant{ID: "x"}})
	if err == nil || !strings.Contains(err.Error(), "cost limit") {
		t.Errorf("rendered: %v", err)
	}
}
