package compare_test

import (
	"slices"
	"testing"

	"stampworks.dev/pkg/blueprint/compare"
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
			var got []string
			for _, change := range compare.Changes(c.old, c.wished) {
				got = append(got, change.Path)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if compare.Same(c.old, c.wished) != (c.want == nil) {
				t.Errorf("Same does not agree with Changes")
			}
		})
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		name, old, wished string
		want              compare.Change
	}{
		{"a text", `{"env":{"A":"1"}}`, `{"env":{"A":"2"}}`, compare.Change{Path: "env.A", Before: "1", After: "2"}},
		{"added", `{}`, `{"env":{"A":"1"}}`, compare.Change{Path: "env.A", After: "1"}},
		{"removed", `{"env":{"A":"1"}}`, `{"env":{}}`, compare.Change{Path: "env.A", Before: "1"}},
		{"a secret", `{"env":{"P":"secret:db@1"}}`, `{"env":{"P":"secret:db@2"}}`, compare.Change{Path: "env.P", Before: "secret:db@1", After: "secret:db@2"}},
		{"a command", `{"command":["a","b"]}`, `{"command":["a","b c",""]}`, compare.Change{Path: "command", Before: "a b", After: `a "b c" ""`}},
		{"a time", `{"ready":{"timeout":60000000000}}`, `{"ready":{"timeout":500000000}}`, compare.Change{Path: "ready.timeout", Before: "1m0s", After: "500ms"}},
		{"memory", `{"memory_limit":134217728}`, `{"memory_limit":1000}`, compare.Change{Path: "memory_limit", Before: "128Mi", After: "1000"}},
		{"a volume", `{"volume_bytes":{"data":1073741824}}`, `{"volume_bytes":{"data":2147483648}}`, compare.Change{Path: "volume_bytes.data", Before: "1Gi", After: "2Gi"}},
		{"processor", `{"cpu_limit":250}`, `{"cpu_limit":1000}`, compare.Change{Path: "cpu_limit", Before: "250m", After: "1000m"}},
		{"a number", `{"replicas":1}`, `{"replicas":12345678}`, compare.Change{Path: "replicas", Before: "1", After: "12345678"}},
		{"a list of objects", `{"l":[]}`, `{"l":[{"a":1}]}`, compare.Change{Path: "l", Before: "", After: `[{"a":1}]`}},
		{"a truth", `{}`, `{"b":true}`, compare.Change{Path: "b", After: "true"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := compare.Changes(c.old, c.wished); len(got) != 1 || got[0] != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
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
