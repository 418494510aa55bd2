package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stampworks.dev/services/provisioner/driver/local/layout"
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
		if err := rotate(log, 200, 3); err != nil {
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
	if err := rotate(log+"nosuch", 1, 3); err != nil {
		t.Errorf("no log: %v", err)
	}
}

// TestRotateCopiesTheEndOnly: a stamp can make its log look as long as it likes.
func TestRotateCopiesTheEndOnly(t *testing.T) {
	log := filepath.Join(t.TempDir(), "current.log")
	writer, err := openLog(log, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writer.Close() }()
	if err := writer.Truncate(1500 << 20); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.WriteString("the end\n"); err != nil {
		t.Fatal(err)
	}
	if err := rotate(log, 4096, 3); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(log + ".1")
	if err != nil || len(text) != 4096 || !strings.HasSuffix(string(text), "the end\n") {
		t.Errorf("copied %d bytes, %v, want the last 4096", len(text), err)
	}
	if info, err := os.Stat(log); err != nil || info.Size() != 0 {
		t.Errorf("the log was not emptied: %v, %v", info, err)
	}
}

func TestJobLogsAreRotated(t *testing.T) {
	j := &jobs{dir: t.TempDir(), running: map[string]*job{"app.setup-1": {}}}
	writer, err := openLog(j.logFile("app.setup-1"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writer.Close() }()
	for _, word := range []string{"first", "second", "third"} {
		if _, err := writer.WriteString(word + "\n"); err != nil {
			t.Fatal(err)
		}
		if err := writer.Truncate(layout.LogBytes); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.WriteString("\n" + word + " end\n"); err != nil {
			t.Fatal(err)
		}
		if err := j.rotateLogs(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := writer.WriteString("last\n"); err != nil {
		t.Fatal(err)
	}
	if got := j.output("app.setup-1", 2); strings.Join(got, "|") != "third end|last" {
		t.Errorf("output %q", got)
	}
	if files, err := os.ReadDir(j.dir); err != nil || len(files) != 2 {
		t.Errorf("files %v, %v, want the log and one rotated", files, err)
	}
	if err := j.removeLog("app.setup-1"); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(j.dir); err != nil || len(files) != 0 {
		t.Errorf("left %v, %v", files, err)
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
