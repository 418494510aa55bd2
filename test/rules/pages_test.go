package rules

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"stampworks.dev/pkg/blueprint"
)

// read gives a page of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestLinksLead: a page that sends its reader nowhere wastes the trust that the
// other links need.
func TestLinksLead(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^()\s]+)\)`)
	checked := 0
	files(t, ".md", func(path string) {
		for _, match := range link.FindAllStringSubmatch(prose(read(t, path)), -1) {
			to, err := url.Parse(match[1])
			if err != nil || to.Scheme != "" {
				continue // of another site
			}
			checked++
			target := path
			if to.Path != "" {
				target = filepath.Join(filepath.Dir(path), to.Path)
			}
			if info, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s: nothing is at %s", path, match[1])
			} else if to.Fragment != "" && !info.IsDir() && !anchors(read(t, target))[to.Fragment] {
				t.Errorf("%s: %s has no heading #%s", path, target, to.Fragment)
			}
		}
	})
	if checked < 10 {
		t.Errorf("found %d links, so the rule proves nothing", checked)
	}
}

// prose is a page without its fenced blocks.
func prose(page string) string {
	return regexp.MustCompile("(?s)\n *```.*?\n *```").ReplaceAllString(page, "")
}

// anchors are the headings of a page as links name them: lower case, blanks as
// dashes, nothing else but letters, digits, dashes and underscores.
func anchors(page string) map[string]bool {
	found := make(map[string]bool)
	for _, match := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(prose(page), -1) {
		found[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(match[1]))] = true
	}
	return found
}

// TestBlueprintsInPages: people copy what a page shows. A block marked "yaml
// whole" is a whole blueprint.
func TestBlueprintsInPages(t *testing.T) {
	found := 0
	files(t, ".md", func(path string) {
		for _, text := range wholeBlueprints(read(t, path)) {
			found++
			if _, err := blueprint.Parse(path, []byte(text)); err != nil {
				t.Errorf("a blueprint of %s: %v", path, err)
			}
		}
	})
	if found == 0 {
		t.Error("found no blueprint in any page, so the rule proves nothing")
	}
}

// wholeBlueprints are the marked blocks of a page.
func wholeBlueprints(page string) []string {
	var found []string
	for _, match := range regexp.MustCompile("(?s)\n```yaml whole\n(.*?\n)```").FindAllStringSubmatch(page, -1) {
		found = append(found, match[1])
	}
	return found
}

// TestReadme holds what the first page promises: its first line, its product in
// ten lines, and a transcript in the place where a real run is put.
func TestReadme(t *testing.T) {
	page := read(t, "README.md")
	if !strings.Contains(strings.SplitN(page, "\n\n", 3)[1], "Are you sure we can take this next customer?") {
		t.Error("README.md does not open with the salesperson's question")
	}
	if own := wholeBlueprints(page); len(own) != 1 || strings.Count(own[0], "\n") > 10 {
		t.Error("README.md: your own product is not there in ten lines")
	}
	_, rest, begins := strings.Cut(page, "<!-- transcript:begin -->\n```\n")
	transcript, _, ends := strings.Cut(rest, "```\n<!-- transcript:end -->")
	if !begins || !ends {
		t.Fatal("README.md: no transcript between its marks")
	}
	for _, line := range []string{"Stampworks at ", "1 product ", "2 deal won ", "3 stamping ", "4 live ", `"Can we take the next customer?"`} {
		if !strings.Contains("\n"+transcript, "\n"+line) {
			t.Errorf("README.md: the transcript has no line %q", line)
		}
	}
}

// TestKeysTold: whoever looks into etcd at night finds in docs/architecture.md
// what each key is, and whose.
func TestKeysTold(t *testing.T) {
	page, told := read(t, "docs/architecture.md"), 0
	key := regexp.MustCompile(`(?:[pP]refix *\+ *|(?:sources|deliveries|tenants)\()"([a-z-]+/(?:[a-z]+/)?)"`)
	files(t, ".go", func(path string) {
		if !strings.HasPrefix(path, "services/") && !under(path, "pkg/claim") || strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, match := range key.FindAllStringSubmatch(read(t, path), -1) {
			told++
			if !strings.Contains(page, "`"+match[1]) && !strings.Contains(page, "/"+match[1]+"`") {
				t.Errorf("docs/architecture.md does not tell of the keys %q of %s", match[1], path)
			}
		}
	})
	if told < 20 {
		t.Errorf("found %d kinds of keys, so the rule proves nothing", told)
	}
}
