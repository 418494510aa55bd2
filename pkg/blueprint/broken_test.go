package blueprint_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"stampworks.dev/pkg/blueprint"
)

var update = flag.Bool("update", false, "write the goldens anew")

// TestBroken holds each broken blueprint of testdata/broken against the
// problems that are wanted: file, line, column, path, message, expectation.
func TestBroken(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.txtar")
	if err != nil || len(files) < 30 {
		t.Fatalf("found %d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil || len(archive.Files) != 2 {
				t.Fatalf("read case: %v", err)
			}
			in, want := archive.Files[0], &archive.Files[1]
			recipe, err := blueprint.Parse(in.Name, in.Data)
			var problems blueprint.Problems
			if recipe != nil || !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("Parse gave recipe %v, error %v; want problems", recipe != nil, err)
			}
			got := problems.Error() + "\n"
			if *update {
				want.Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want.Data) {
				t.Errorf("problems of %s:\n%swant:\n%s", file, got, want.Data)
			}
		})
	}
}
