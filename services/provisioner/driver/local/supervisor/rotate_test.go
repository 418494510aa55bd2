package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRotate(t *testing.T) {
	log := filepath.Join(t.TempDir(), "current.log")
	writer, err := openLog(log, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writer.Close() }()
	for _, word := range []string{"one", "two", "three", "four", "five"} {
		if _, err := writer.WriteString(strings.Repeat(word, 100)); err != nil {
			t.Fatal(err)
		}
		if err := rotate(log, 200); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := writer.WriteString("now"); err != nil {
		t.Fatal(err)
	}
	for suffix, want := range map[string]string{"": "now", ".1": "five", ".2": "four", ".3": "three"} {
		text, err := os.ReadFile(log + suffix)
		if err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("log%s begins with %.10q, %v, want %q", suffix, text, err, want)
		}
	}
	if _, err := os.Stat(log + ".4"); err == nil {
		t.Error("more rotated logs are kept than wished")
	}
	if err := rotate(log+"nosuch", 1); err != nil {
		t.Errorf("no log: %v", err)
	}
}

func TestProgramsAreFoundWithinTheArtifactOnly(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"desk": 0o755, "bin/tool": 0o755, "readme": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	for word, want := range map[string]string{"desk": "desk", "tool": "bin/tool", "bin/tool": "bin/tool"} {
		if got, err := findProgram(dir, word); err != nil || got != filepath.Join(dir, want) {
			t.Errorf("findProgram(%q) = %q, %v", word, got, err)
		}
	}
	for _, word := range []string{"readme", "sh", "/bin/sh", "../desk", "", ".", "bin"} {
		if got, err := findProgram(dir, word); err == nil {
			t.Errorf("findProgram(%q) = %q", word, got)
		}
	}
}
