package failure_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"
	"stampworks.dev/services/provisioner/internal/failure"
)

var update = flag.Bool("update", false, "write the table of failures into docs/operating.md")

// TestGuideListsFailures: whoever is paged reads there what a code means and what
// to do next. The table is made from the code and the proto:
//
//	go test ./services/provisioner/internal/failure -run TestGuideListsFailures -update
func TestGuideListsFailures(t *testing.T) {
	const guide, begin, end = "../../../../docs/operating.md", "<!-- failures:begin -->\n", "<!-- failures:end -->"
	page := readFile(t, guide)
	head, rest, found := strings.Cut(page, begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatal("docs/operating.md: no table of failures between its marks")
	}
	made := head + begin + table(t) + end + tail
	switch {
	case made == page:
	case !*update:
		t.Error("docs/operating.md: the table of failures is not what the code says: run this test with -update")
	default:
		if err := os.WriteFile(guide, []byte(made), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func table(t *testing.T) string {
	t.Helper()
	meaning := meanings(t)
	var b strings.Builder
	b.WriteString("| code | what happened | who acts | tried | next action |\n|---|---|---|---|---|\n")
	for _, n := range slices.Sorted(maps.Keys(typev1.Failure_Code_name))[1:] {
		f := failure.New(typev1.Failure_Code(n), "", "x").Failure
		code := f.GetCode().String()
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", code, meaning[code], f.GetOwner(), tried(f), f.GetNextAction())
	}
	return b.String()
}

// tried says how often an operation is attempted with this failure.
func tried(f *typev1.Failure) string {
	for n := int32(1); n < 20; n++ {
		if !failure.Attempt(f, n).GetRetryable() {
			return fmt.Sprintf("%d×", n)
		}
	}
	return "until it works"
}

// meanings reads the comments of the codes.
func meanings(t *testing.T) map[string]string {
	t.Helper()
	_, codes, found := strings.Cut(readFile(t, "../../../../proto/stampworks/type/v1/failure.proto"), "enum Code {")
	if !found {
		t.Fatal("failure.proto: no enum Code")
	}
	meaning := make(map[string]string)
	for _, match := range regexp.MustCompile(`((?: *//.*\n)+) *([A-Z_]+) = \d+;`).FindAllStringSubmatch(codes, -1) {
		words := strings.Fields(strings.ReplaceAll(match[1], "//", ""))
		meaning[match[2]] = strings.Join(words, " ")
	}
	return meaning
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
