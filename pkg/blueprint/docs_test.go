package blueprint_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"stampworks.dev/pkg/blueprint"
	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
)

func readReference(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/blueprints.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestReferenceHasEveryField: a field that authors cannot read about does not
// exist for them, and one that is gone must not be written about.
func TestReferenceHasEveryField(t *testing.T) {
	sections := map[string]string{}
	for _, section := range strings.Split(readReference(t), "\n### ")[1:] {
		name, body, _ := strings.Cut(section, "\n")
		body, _, _ = strings.Cut(body, "\n## ")
		sections[name] = body
	}
	row := regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|")
	var walk func(m protoreflect.MessageDescriptor)
	seen := map[string]bool{}
	walk = func(m protoreflect.MessageDescriptor) {
		name := string(m.Name())
		if seen[name] || m.ParentFile().Package() != "stampworks.type.v1" {
			return
		}
		seen[name] = true
		told := map[string]bool{}
		for _, match := range row.FindAllStringSubmatch(sections[name], -1) {
			told[match[1]] = true
		}
		for i := range m.Fields().Len() {
			field := m.Fields().Get(i)
			if !told[string(field.Name())] {
				t.Errorf("docs/blueprints.md: section %q has no row for %q", name, field.Name())
			}
			delete(told, string(field.Name()))
			if field.IsMap() {
				field = field.MapValue()
			}
			if field.Message() != nil {
				walk(field.Message())
			}
		}
		for field := range told {
			t.Errorf("docs/blueprints.md: section %q tells of %q, which is not a field", name, field)
		}
	}
	walk((&typev1.Blueprint{}).ProtoReflect().Descriptor())
	if len(seen) != len(sections) {
		t.Errorf("docs/blueprints.md has %d sections of messages, want %d", len(sections), len(seen))
	}
}

// TestReferenceExamples: what is shown as a whole blueprint is one.
func TestReferenceExamples(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml whole\n(.*?)```").FindAllStringSubmatch(readReference(t), -1)
	if len(blocks) < 2 {
		t.Fatalf("found %d whole blueprints", len(blocks))
	}
	for i, block := range blocks {
		if _, err := blueprint.Parse(fmt.Sprintf("example %d", i+1), []byte(block[1])); err != nil {
			t.Errorf("docs/blueprints.md:\n%v", err)
		}
	}
}

// TestReferenceTellsDefaults holds the documented defaults against a recipe
// that says nothing.
func TestReferenceTellsDefaults(t *testing.T) {
	block := regexp.MustCompile("(?s)```yaml whole\n(.*?)```").FindStringSubmatch(readReference(t))
	recipe, err := blueprint.Parse("example", []byte(block[1]+"smoke: [{http: /}]\ntasks: {look: {component: web, exec: ls}}\nsecrets: {s: {}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Render(environment(t, recipe, "standard"))
	if err != nil {
		t.Fatal(err)
	}
	web := r.Components["web"]
	got := fmt.Sprintln(web.CPURequest, web.CPULimit, web.MemoryRequest>>20, web.MemoryLimit>>20, web.VolumeBytes["pages"]>>30, web.Replicas,
		web.StopSignal, web.StopGrace, web.Ready.Timeout, web.Ready.Every, web.Ready.Status, r.Smoke[0].Status, r.Smoke[0].Timeout,
		r.Tasks["look"].Role, recipe.Secrets()["s"].Length)
	if want := "100 100 128 128 1 1 SIGTERM 10s 1m0s 200ms 0 200 30s operator 32"; strings.TrimSpace(got) != want {
		t.Errorf("defaults are %s, want %s", got, want)
	}
}
