package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// root is the repository, seen from this package's folder, where tests run.
const root = "../.."

// ours begins the import path of every package of this repository.
const ours = "stampworks.dev/"

// pkg is what `go list` says about a package.
type pkg struct {
	ImportPath   string
	Name         string
	Dir          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// imports returns what the package and its tests import, once each.
func (p pkg) imports() []string {
	all := slices.Concat(p.Imports, p.TestImports, p.XTestImports)
	slices.Sort(all)
	return slices.Compact(all)
}

// short is the import path without our prefix: "services/stamp/internal/client".
func (p pkg) short() string { return strings.TrimPrefix(p.ImportPath, ours) }

// packages lists our hand-written packages, those of all modules of the
// workspace, with the build tags that tests behind a tag need.
var packages = sync.OnceValues(func() ([]pkg, error) {
	modules, err := modules()
	if err != nil {
		return nil, err
	}
	args := []string{"list", "-e", "-tags=e2e", "-json=ImportPath,Name,Dir,GoFiles,Imports,TestImports,XTestImports,Deps"}
	for _, module := range modules {
		args = append(args, "./"+module+"/...")
	}
	var found []pkg
	err = decode(args, func(d *json.Decoder) error {
		var p pkg
		if err := d.Decode(&p); err != nil {
			return err
		}
		if !strings.Contains(p.ImportPath, "/proto/gen/") {
			found = append(found, p)
		}
		return nil
	})
	return found, err
})

// modules lists the folders of the workspace's modules.
func modules() ([]string, error) {
	var work struct{ Use []struct{ DiskPath string } }
	err := decode([]string{"work", "edit", "-json"}, func(d *json.Decoder) error { return d.Decode(&work) })
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, use := range work.Use {
		dirs = append(dirs, filepath.Clean(use.DiskPath))
	}
	return dirs, nil
}

// decode runs the go command at the root and calls next until its JSON ends.
func decode(args []string, next func(*json.Decoder) error) error {
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("run go %s: %w", args[0], err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		if err := next(decoder); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("decode what go %s prints: %w", args[0], err)
		} else if !decoder.More() {
			return nil
		}
	}
}

// allPackages is packages, for a test.
func allPackages(t *testing.T) []pkg {
	t.Helper()
	found, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 5 {
		t.Fatalf("found %d packages, so the rules would prove nothing", len(found))
	}
	return found
}

// files calls visit with every file of the repository that ends in suffix, by
// its path from the root. Folders that git ignores are left out.
func files(t *testing.T, suffix string, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != root && (name == "bin" || name == "third_party" || name == "gen" || strings.HasPrefix(name, ".")) {
			return fs.SkipDir
		}
		if !entry.IsDir() && strings.HasSuffix(name, suffix) {
			visit(strings.TrimPrefix(path, root+"/"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
