package blueprint_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"stampworks.dev/pkg/blueprint"
)

// FuzzParse: whatever the bytes, Parse ends, and gives either a recipe that
// survives storage and renders alike afterwards, or problems in the file.
func FuzzParse(f *testing.F) {
	whole, err := os.ReadFile(library)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	files, err := filepath.Glob("testdata/broken/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		recipe, err := blueprint.Parse("f.yaml", src)
		if err != nil {
			checkProblems(t, err)
			return
		}
		stored, err := blueprint.FromMessage(recipe.Message())
		if err != nil {
			t.Fatalf("parsed, and refused when stored: %v", err)
		}
		if stored.Digest() != recipe.Digest() || !reflect.DeepEqual(stored.Order(), recipe.Order()) {
			t.Fatal("the stored recipe is another")
		}
	})
}

func checkProblems(t *testing.T, err error) {
	t.Helper()
	var problems blueprint.Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("not problems: %v", err)
	}
	for _, p := range problems {
		if p.Line < 1 || p.Column < 1 || p.Message == "" {
			t.Fatalf("problem without a place: %#v", p)
		}
	}
}
