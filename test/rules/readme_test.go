package rules

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeCommandsAreRun: what the README tells people to type is what tests
// type. TestReadme of test/e2e runs whole blocks, which it finds by the
// beginning of a line, and says in Go what `make run` runs.
func TestReadmeCommandsAreRun(t *testing.T) {
	tests := e2eTests(t)
	var blocks, run []string
	for i, text := range strings.Split(read(t, "README.md"), "```") {
		if i%2 == 1 {
			_, body, _ := strings.Cut(text, "\n")
			blocks = append(blocks, body)
		}
	}
	for _, match := range regexp.MustCompile(`block\(t, string\(page\), "([^"]+)"\)`).FindAllStringSubmatch(tests, -1) {
		for _, body := range blocks {
			if strings.Contains("\n"+body, "\n"+match[1]) {
				run = append(run, strings.Split(body, "\n")...)
			}
		}
	}
	checked := 0
	for _, command := range regexp.MustCompile(`bin/stamp( [^\s(]\S*)+`).FindAllString(strings.Join(blocks, "\n"), -1) {
		checked++
		if !anyBegins(run, command) {
			t.Errorf("README.md: no test runs %q; name its block in test/e2e/readme_test.go", command)
		}
	}
	for _, match := range regexp.MustCompile(`(?m)^make ([a-z-]+)`).FindAllStringSubmatch(strings.Join(blocks, "\n"), -1) {
		checked++
		if !madeByTest(t, match[1], tests) {
			t.Errorf("README.md: no test runs what make %s does", match[1])
		}
	}
	if checked == 0 {
		t.Error("found no command in the README, so the rule proves nothing")
	}
}

// madeByTest says whether a test of test/e2e has the words that a target gives
// our program. `make test` is what runs this.
func madeByTest(t *testing.T, target, tests string) bool {
	recipe := regexp.MustCompile(`(?m)^` + target + `:.*\n\t@?bin/stamp (.*)$`).FindStringSubmatch(read(t, "Makefile"))
	if recipe == nil {
		return target == "test"
	}
	return strings.Contains(tests, `"stamp"), "`+strings.Join(strings.Fields(recipe[1]), `", "`)+`"`)
}

func anyBegins(lines []string, with string) bool {
	for _, line := range lines {
		if rest, found := strings.CutPrefix(line, with); found && (rest == "" || rest[0] == ' ') {
			return true
		}
	}
	return false
}

func e2eTests(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	paths, err := filepath.Glob(filepath.Join(root, "test/e2e/*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		all.WriteString(read(t, strings.TrimPrefix(path, root+"/")))
	}
	return all.String()
}
