package blueprint_test

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"stampworks.dev/pkg/blueprint"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

// Overrides change what they name, in one plan, and nothing else.
func TestOverride(t *testing.T) {
	r := parseLibrary(t)
	over, wrong := r.Override("village", blueprint.Overrides{
		Values:    map[string]string{"cache_size": "1GB"},
		Resources: map[string]*typev1.Resources{"db": {Memory: "1Gi"}},
	})
	if wrong != nil {
		t.Fatal(wrong)
	}
	const mi, gi = int64(1) << 20, int64(1) << 30
	for plan, memory := range map[string]int64{"village": gi + 4*64*mi, "city": 2*gi + 6*64*mi} {
		was, errWas := r.Footprint(plan)
		is, errIs := over.Footprint(plan)
		if was[blueprint.MemoryBytes] = memory; errWas != nil || errIs != nil || !maps.Equal(was, is) {
			t.Errorf("footprint of %s: %v, want %v (%v, %v)", plan, is, was, errWas, errIs)
		}
	}
	was, err := r.Render(environment(t, r, "village"))
	if err != nil {
		t.Fatal(err)
	}
	is, err := over.Render(environment(t, over, "village"))
	if err != nil {
		t.Fatal(err)
	}
	db, want := is.Components["db"], was.Components["db"]
	if db.MemoryLimit != gi || db.MemoryRequest != gi || !strings.Contains(strings.Join(db.Command, " "), "shared_buffers=1GB") {
		t.Errorf("db: %+v", db)
	}
	db.MemoryLimit, db.MemoryRequest, db.Command = want.MemoryLimit, want.MemoryRequest, want.Command
	is.Components["db"] = db
	if !reflect.DeepEqual(is, was) {
		t.Errorf("something else changed: %+v, was %+v", is, was)
	}
	if over.Digest() != r.Digest() {
		t.Error("it is another revision")
	}
	if same, wrong := r.Override("village", blueprint.Overrides{}); same != r || wrong != nil {
		t.Errorf("none: %v, %v", same, wrong)
	}
}

func TestOverridesThatAreRefused(t *testing.T) {
	r := parseLibrary(t)
	resources := func(who string, m *typev1.Resources) blueprint.Overrides {
		return blueprint.Overrides{Resources: map[string]*typev1.Resources{who: m}}
	}
	value := func(name, text string) blueprint.Overrides {
		return blueprint.Overrides{Values: map[string]string{name: text}}
	}
	for field, o := range map[string]blueprint.Overrides{
		"overrides.resources.dbb":              resources("dbb", &typev1.Resources{Cpu: "1"}),
		"overrides.resources.default":          resources("default", &typev1.Resources{Cpu: "1"}),
		"overrides.resources.db.memory":        resources("db", &typev1.Resources{Memory: "much"}),
		"overrides.resources.db.limits.cpu":    resources("db", &typev1.Resources{Limits: &typev1.Amounts{Cpu: "-1"}}),
		"overrides.resources.db":               resources("db", &typev1.Resources{Limits: &typev1.Amounts{Cpu: "1m"}}),
		"overrides.resources.db.volumes.shelf": resources("db", &typev1.Resources{Volumes: map[string]string{"shelf": "1Gi"}}),
		"overrides.values.cache":               value("cache", "1GB"),
		"overrides.values.cache_size":          value("cache_size", "${nonsense}"),
		"overrides":                            value("cache_size", "${secrets.owner}"), // a command uses it
	} {
		if over, wrong := r.Override("village", o); over != nil || len(wrong) == 0 || wrong[0].Field != field {
			t.Errorf("%v: %v, want a violation of %s", o, wrong, field)
		}
	}
	if _, wrong := r.Override("moon", value("cache_size", "1GB")); len(wrong) != 1 || wrong[0].Field != "plan" {
		t.Errorf("of an unknown plan: %v", wrong)
	}
}

// Nobody gives a product less than its plan reserves; more, and other limits, are
// for each to say.
func TestOverridesThatLeaveTooLittle(t *testing.T) {
	r := parseLibrary(t)
	for _, c := range []struct {
		who   string
		m     *typev1.Resources
		field string
	}{
		{"front", &typev1.Resources{Memory: "1Mi"}, "overrides.resources.front.memory"},
		{"front", &typev1.Resources{Cpu: "1m"}, "overrides.resources.front.cpu"},
		{"db", &typev1.Resources{Requests: &typev1.Amounts{Memory: "1Mi"}, Limits: &typev1.Amounts{Memory: "1Mi"}}, "overrides.resources.db.limits.memory"},
		{"nobody", &typev1.Resources{Cpu: "1"}, "overrides.resources.nobody"},
		{"front", &typev1.Resources{Memory: "8Gi"}, ""},
		{"front", &typev1.Resources{Requests: &typev1.Amounts{Memory: "1Mi"}}, ""},
	} {
		wrong := r.TooLittle("village", blueprint.Overrides{Resources: map[string]*typev1.Resources{c.who: c.m}})
		if c.field == "" && len(wrong) > 0 || c.field != "" && (len(wrong) != 1 || wrong[0].Field != c.field) {
			t.Errorf("%s %v: %v, want a violation of %q", c.who, c.m, wrong, c.field)
		}
	}
}

func TestCheckSchedule(t *testing.T) {
	for text, fine := range map[string]bool{
		"0 3 * * *": true, "*/5 0-6 * * 1-5": true, "": false, "0 3 * *": false, "0 3 * * * *": false, "@daily": false, "61 3 * * *": false, "a b c d e": false,
		"0 3 30 2 *": false, "0 3 31 4 *": false, "0 3 31 2,4,6,9,11 *": false, // no such days
		"0 3 29 2 *": true, "59 23 31 12 *": true, "0 3 30 2 1": true, "0 3 31 */2 *": true,
	} {
		if err := blueprint.CheckSchedule(text); (err == nil) != fine {
			t.Errorf("%q: %v", text, err)
		}
	}
}
