package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPackageDocs: somebody who opens a folder reads first what it is for.
func TestPackageDocs(t *testing.T) {
	for _, p := range allPackages(t) {
		if len(p.GoFiles) == 0 {
			continue // only tests live there
		}
		var doc string
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Errorf("parse %s: %v", name, err)
				continue
			}
			doc += file.Doc.Text()
		}
		want := "Package " + p.Name
		if p.Name == "main" {
			want = "Command "
		}
		switch {
		case doc == "":
			t.Errorf("%s: no package comment", p.short())
		case !strings.HasPrefix(doc, want):
			t.Errorf("%s: the package comment begins with %q, want %q", p.short(), strings.SplitN(doc, "\n", 2)[0], want)
		}
	}
}

// TestPackageNames: a package called util is where things go that nobody has
// thought about, and nobody finds them there.
func TestPackageNames(t *testing.T) {
	vague := []string{"util", "utils", "common", "helper", "helpers", "types", "misc", "base", "shared", "lib"}
	for _, p := range allPackages(t) {
		for part := range strings.SplitSeq(p.short(), "/") {
			if slices.Contains(vague, part) {
				t.Errorf("%s: %q says nothing about what is inside", p.short(), part)
			}
		}
	}
}

// TestFileNames: one concept per file, named for it, found by reading a
// listing. Words are joined by _, as Go's own tools expect for _test and _linux.
func TestFileNames(t *testing.T) {
	vague := []string{"util.go", "utils.go", "common.go", "helper.go", "helpers.go", "types.go", "misc.go", "consts.go", "constants.go", "interfaces.go"}
	files(t, ".go", func(path string) {
		name := filepath.Base(path)
		if slices.Contains(vague, name) {
			t.Errorf("%s: the name says nothing about what is inside", path)
		}
		if name != strings.ToLower(name) || strings.Contains(name, "-") {
			t.Errorf("%s: lower case, words joined by _", path)
		}
	})
}

// TestTodos: a TODO that belongs to nobody is never done.
func TestTodos(t *testing.T) {
	eachFile(t, func(path string, file *ast.File) {
		for _, group := range file.Comments {
			for _, comment := range group.List {
				text := strings.TrimSpace(strings.TrimLeft(comment.Text, "/*"))
				if strings.HasPrefix(text, "TODO") && !strings.HasPrefix(text, "TODO(") {
					t.Errorf("%s: say whose it is: TODO(name): …", path)
				}
			}
		}
	})
}
