package rules

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestGeneratedCodeIsUpToDate: code of older protos builds and passes, and
// surprises whoever generates next. make generate notes the digests of what it
// read; that what it wrote is untouched, make check-generate tells.
func TestGeneratedCodeIsUpToDate(t *testing.T) {
	const noted = "proto/gen/sources.sha256"
	var now []string
	for _, path := range generateReads(t) {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		now = append(now, fmt.Sprintf("%x  %s", sha256.Sum256(text), path))
	}
	then := strings.Split(strings.TrimSpace(read(t, noted)), "\n")
	for _, line := range now {
		if !slices.Contains(then, line) {
			t.Errorf("%s is newer than the generated code: run make generate, and commit proto/gen", line[66:])
		}
	}
	for _, line := range then {
		if len(line) < 66 || !slices.ContainsFunc(now, func(one string) bool { return one[66:] == line[66:] }) {
			t.Errorf("%s: %q is not there any more: run make generate, and commit proto/gen", noted, line)
		}
	}
	if len(now) < 10 {
		t.Errorf("compared %d files, so the rule proves nothing", len(now))
	}
}

// generateReads lists what the generated code is made from.
func generateReads(t *testing.T) []string {
	t.Helper()
	paths := []string{"buf.gen.operations.yaml", "buf.gen.yaml", "proto/openapi.base.json", "proto/operations.http.json"}
	err := filepath.WalkDir(filepath.Join(root, "proto/stampworks"), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".proto") {
			paths = append(paths, strings.TrimPrefix(path, root+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
