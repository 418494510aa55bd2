package compare_test

import (
	"slices"
	"testing"

	"stampworks.dev/services/provisioner/internal/compare"
)

func TestChanges(t *testing.T) {
	for _, c := range []struct {
		name, old, wished string
		want              []string
	}{
		{"the same", `{"a":1}`, `{"a":1}`, nil},
		{"another order", `{"a":1,"b":"x"}`, `{"b":"x","a":1}`, nil},
		{"unset equals zero", `{"a":1}`, `{"a":1,"b":0,"c":"","d":[],"e":{},"f":false,"g":{"h":""}}`, nil},
		{"a value", `{"c":{"env":{"SEATS":"25"}}}`, `{"c":{"env":{"SEATS":"50"}}}`, []string{"c.env.SEATS"}},
		{"added and removed", `{"env":{"A":"1"}}`, `{"env":{"B":"2"}}`, []string{"env.A", "env.B"}},
		{"a list", `{"command":["a","b"]}`, `{"command":["a","c"]}`, []string{"command"}},
		{"a longer list", `{"command":["a"]}`, `{"command":["a",""]}`, []string{"command"}},
		{"objects in a list", `{"l":[{"a":1}]}`, `{"l":[{"a":1,"b":0}]}`, nil},
		{"a job that appears", `{}`, `{"setup":{"command":["x"]}}`, []string{"setup.command"}},
		{"nothing before", ``, `{"a":1}`, []string{"."}},
		{"another type", `{"a":{"b":1}}`, `{"a":5}`, []string{"a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := compare.Changes(c.old, c.wished); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if compare.Same(c.old, c.wished) != (c.want == nil) {
				t.Errorf("Same does not agree with Changes")
			}
		})
	}
}

func FuzzSameWithItself(f *testing.F) {
	f.Add(`{"a":[1,{"b":null}]}`)
	f.Fuzz(func(t *testing.T, s string) {
		if !compare.Same(s, s) {
			t.Errorf("%q differs from itself", s)
		}
	})
}
