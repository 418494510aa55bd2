package rules

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// requirement is a line of a go.mod.
type requirement struct {
	Path, Version string
	Indirect      bool
}

// requirements reads the go.mod of a module's folder.
func requirements(t *testing.T, module string) []requirement {
	t.Helper()
	var file struct{ Require []requirement }
	err := decode([]string{"mod", "edit", "-json", filepath.Join(module, "go.mod")}, func(d *json.Decoder) error { return d.Decode(&file) })
	if err != nil {
		t.Fatal(err)
	}
	return file.Require
}

// TestOneVersion: a module built alone (a container image) and in the workspace
// (a developer, `stamp dev`) runs the same code.
func TestOneVersion(t *testing.T) {
	type use struct{ module, version string }
	first := make(map[string]use)
	dirs, err := modules()
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range dirs {
		for _, r := range requirements(t, module) {
			if r.Indirect || strings.HasPrefix(r.Path, ours) {
				continue
			}
			if known, ok := first[r.Path]; !ok {
				first[r.Path] = use{module, r.Version}
			} else if known.version != r.Version {
				t.Errorf("%s: %s has %s, %s has %s", r.Path, known.module, known.version, module, r.Version)
			}
		}
	}
}

// TestContractVersions: tools print the third-party protos out of the packages
// that proto links, so both name the same versions of them.
func TestContractVersions(t *testing.T) {
	contracts := regexp.MustCompile(`^(google\.golang\.org/genproto/.*|cloud\.google\.com/go/longrunning|buf\.build/gen/go/bufbuild/protovalidate/.*|github\.com/grpc-ecosystem/grpc-gateway/v2)$`)
	linked := make(map[string]string)
	for _, r := range requirements(t, "proto") {
		linked[r.Path] = r.Version
	}
	compared := 0
	for _, r := range requirements(t, "tools") {
		version, ok := linked[r.Path]
		if !ok || !contracts.MatchString(r.Path) {
			continue
		}
		compared++
		if version != r.Version {
			t.Errorf("%s: tools has %s, proto has %s", r.Path, r.Version, version)
		}
	}
	if compared < 4 {
		t.Errorf("compared %d modules, so the rule proves nothing", compared)
	}
}

// TestDependenciesExplained: what we depend on for years is there for a reason
// that somebody can read, and question.
func TestDependenciesExplained(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	explained := make(map[string]bool)
	for _, match := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		explained[match[1]] = false
	}
	dirs, err := modules()
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range append(dirs, "tools") {
		for _, r := range requirements(t, module) {
			if r.Indirect || strings.HasPrefix(r.Path, ours) {
				continue
			}
			if _, ok := explained[r.Path]; !ok {
				t.Errorf("docs/dependencies.md: no line for %s, which %s uses", r.Path, module)
			}
			explained[r.Path] = true
		}
	}
	for path, used := range explained {
		if !used {
			t.Errorf("docs/dependencies.md: %s is used by no module", path)
		}
	}
}

// TestToolsExplained: a tool that nobody has read about is run by everybody.
func TestToolsExplained(t *testing.T) {
	_, text, _ := strings.Cut(read(t, "docs/dependencies.md"), "\n## Tools")
	checked := 0
	for _, module := range []string{"tools", "tools/lint"} {
		var file struct{ Tool []struct{ Path string } }
		err := decode([]string{"mod", "edit", "-json", filepath.Join(module, "go.mod")}, func(d *json.Decoder) error { return d.Decode(&file) })
		if err != nil {
			t.Fatal(err)
		}
		for _, tool := range file.Tool {
			checked++
			if name := filepath.Base(tool.Path); !strings.Contains(text, name) {
				t.Errorf("docs/dependencies.md: the section Tools does not tell of %s, which %s uses", name, module)
			}
		}
	}
	if checked < 2 {
		t.Errorf("found %d tools, so the rule proves nothing", checked)
	}
}
