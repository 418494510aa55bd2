package command_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"stampworks.dev/services/stamp/internal/command"
	"stampworks.dev/services/stamp/internal/demo"
	"stampworks.dev/services/stamp/internal/dev"
	"stampworks.dev/services/stamp/internal/session"
)

// TestCommandsInPages: a command in a page that does not work is worse than
// none. Each is parsed by the command that it names; nothing is run.
func TestCommandsInPages(t *testing.T) {
	checked := 0
	pages(t, "../../../..", func(page string) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range commandLines(string(text)) {
			checked++
			if err := parse(line); err != nil {
				t.Errorf("%s: %q: %v", page, line, err)
			}
		}
	})
	if checked < 10 {
		t.Errorf("found %d commands, so the test proves nothing", checked)
	}
}

// pages visits every page of the repository that git keeps.
func pages(t *testing.T, root string, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (name == "bin" || name == "third_party" || strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case !entry.IsDir() && strings.HasSuffix(name, ".md"):
			visit(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// commandLines finds the commands of a page: those of bin/stamp in its blocks and
// of stamp where a line begins with it, and those in `code`.
func commandLines(page string) []string {
	var lines []string
	fenced := false
	for line := range strings.Lines(page) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case fenced:
			_, command, found := strings.Cut(line, "bin/stamp ")
			if !found {
				command, found = strings.CutPrefix(line, "stamp ")
			}
			if found {
				lines = append(lines, ended.Split(command, 2)[0])
			}
		default:
			for _, match := range inline.FindAllStringSubmatch(line, -1) {
				lines = append(lines, ended.Split(match[1], 2)[0])
			}
		}
	}
	return lines
}

var (
	inline = regexp.MustCompile("`(?:bin/)?stamp ([^`]+)`")
	// ended is where what explains a command begins, or where its input comes from and
	// its output goes.
	ended = regexp.MustCompile(`  | #| \(| \|| [<>] |$`)
)

// parse finds the command and checks its flags and the number of its arguments.
// A command that is only named, such as `stamp dev stop`, may lack them.
func parse(line string) error {
	nowhere := &session.Session{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard, Getenv: func(string) string { return "" }, Now: time.Now}
	root := command.New(nowhere, dev.Command("test"), demo.Command(nowhere))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	found, rest, err := root.Find(split(line))
	if err != nil {
		return err
	}
	if found == root && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		return errors.New("there is no such command")
	}
	if err := found.ParseFlags(rest); err != nil {
		return err
	}
	args := found.Flags().Args()
	if found.HasSubCommands() && !found.HasParent() || found.Args == nil || len(args) == 0 {
		return nil
	}
	return found.ValidateArgs(args)
}

// split takes a line apart as a shell does, quotes included.
func split(line string) []string {
	var words []string
	for _, match := range regexp.MustCompile(`"([^"]*)"|'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		words = append(words, match[1]+match[2]+match[3])
	}
	return words
}
