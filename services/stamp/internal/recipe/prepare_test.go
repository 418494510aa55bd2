package recipe

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stampworks.dev/pkg/blueprint"
)

const desk = `# The desk.
blueprint: desk
revision: 1.0.0
artifacts:
  desk: {file: bin/desk} # built by make
plans:
  standard: {resources: {default: {cpu: 50m, memory: 64Mi}}}
components:
  web:
    artifact: desk
    ports: {http: 8080}
    run: >-
      desk serve
      --listen ${web.http.addr}
endpoint: web.http
`

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrepareFillsInPathsAndDigests(t *testing.T) {
	dir := t.TempDir()
	program := write(t, dir, "bin/desk", "the program")
	got, err := Prepare(write(t, dir, "desk.yaml", desk))
	if err != nil {
		t.Fatal(err)
	}
	artifact := got.Recipe.Message().GetArtifacts()["desk"]
	if artifact.GetFile() != program || artifact.GetSha256() != fmt.Sprintf("%x", sha256.Sum256([]byte("the program"))) {
		t.Errorf("got %v", artifact)
	}
	for _, kept := range []string{"# The desk.\n", "# built by make\n"} {
		if !strings.Contains(string(got.Source), kept) {
			t.Errorf("lost %q in\n%s", kept, got.Source)
		}
	}
	again, err := PrepareText(filepath.Join(dir, "desk.yaml"), got.Source)
	if err != nil || string(again.Source) != string(got.Source) || again.Recipe.Digest() != got.Recipe.Digest() {
		t.Errorf("prepared twice differs: %v\n%s", err, again.Source)
	}
	write(t, dir, "bin/desk", "another program")
	if _, err := PrepareText("desk.yaml", got.Source); err == nil || !strings.Contains(err.Error(), "has the digest") {
		t.Errorf("a digest that is not the file's: got %v", err)
	}
}

func TestPrepareSaysWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	if _, err := Prepare(write(t, dir, "desk.yaml", desk)); err == nil || !strings.Contains(err.Error(), "desk.yaml:5:16: artifact \"desk\"") {
		t.Errorf("no program: got %v", err)
	}
	_, err := Prepare(write(t, dir, "broken.yaml", "blueprint: desk\nrevison: 1.0.0\n"))
	var problems blueprint.Problems
	if !errors.As(err, &problems) || problems[0].Line != 2 {
		t.Errorf("a broken file: got %v", err)
	}
}
