package rules

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMakeTargetsExist: a command in a page that does not work is worse than
// none. TestReadmeCommandsAreRun sees to those of `stamp` in the README; in
// other pages nobody does.
func TestMakeTargetsExist(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	targets := make(map[string]bool)
	for _, match := range regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):.*## `).FindAllStringSubmatch(string(makefile), -1) {
		targets[match[1]] = true
	}
	checked := 0
	files(t, ".md", func(path string) {
		for _, command := range documented(t, path) {
			words := strings.Fields(strings.SplitN(command, "#", 2)[0])
			if len(words) < 2 || words[0] != "make" {
				continue
			}
			for _, word := range words[1:] {
				checked++
				if !strings.ContainsAny(word, "=-[<") && !targets[word] {
					t.Errorf("%s: %q: no target %s", path, command, word)
				}
			}
		}
	})
	if checked == 0 {
		t.Error("found no make command in any page, so the rule proves nothing")
	}
}

// documented returns the commands of a page: the lines of its fenced blocks,
// without a "$ " before them, and its `inline code`.
func documented(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	fenced := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case fenced:
			commands = append(commands, strings.TrimPrefix(line, "$ "))
		default:
			for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(line, -1) {
				commands = append(commands, match[1])
			}
		}
	}
	return commands
}
