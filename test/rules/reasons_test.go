package rules

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/rpc/rpcerr"
)

var update = flag.Bool("update", false, "write the table of reasons into docs/api.md")

// reason is what a caller is told when a request is refused.
type reason struct {
	name, kind, says string
}

// TestReasonsListed: programs compare reasons, so each is part of the API. The
// table in docs/api.md is made from the code:
//
//	go test ./test/rules -run TestReasonsListed -update
func TestReasonsListed(t *testing.T) {
	const begin, end = "<!-- reasons:begin -->\n", "<!-- reasons:end -->"
	page := read(t, "docs/api.md")
	head, rest, found := strings.Cut(page, begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatal("docs/api.md: no table of reasons between its marks")
	}
	made := head + begin + reasonsTable(t) + end + tail
	switch {
	case made == page:
	case !*update:
		t.Error("docs/api.md: the table of reasons is not what the code says: go test ./test/rules -run TestReasonsListed -update")
	default:
		if err := os.WriteFile(filepath.Join(root, "docs/api.md"), []byte(made), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// answering are the packages whose errors reach who calls the API. Those of
// drivers and artifacts become failures of an operation.
var answering = []string{
	"pkg/rpc", "pkg/store", "services/gateway", "services/tenant-registry", "services/health",
	"services/provisioner/internal/server", "services/provisioner/internal/engine", "services/provisioner/internal/record",
}

// unseen never reach a caller: they end a start, or are between services.
var unseen = []string{"pkg/rpc/pki", "pkg/rpc/internal", "pkg/rpc/rpctest", "pkg/store/storetest"}

func reasonsTable(t *testing.T) string {
	t.Helper()
	all := findReasons(t)
	if len(all) < 40 {
		t.Fatalf("found %d reasons, so the table proves nothing", len(all))
	}
	statuses := httpStatuses(t)
	var b strings.Builder
	b.WriteString("| reason | HTTP | gRPC | says |\n|---|---|---|---|\n")
	for _, r := range all {
		status, special := statuses[r.name]
		if !special {
			status = statuses[r.kind]
		}
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", r.name, status, rpcerr.Code(kindNamed(r.kind)), r.says)
	}
	return b.String()
}

// findReasons collects the calls of errs.New and errs.Invalid.
func findReasons(t *testing.T) []reason {
	t.Helper()
	constants := reasonConstants(t)
	found := make(map[string]reason)
	eachFile(t, func(path string, file *ast.File) {
		if !anyUnder(path, answering...) || anyUnder(path, unseen...) || strings.HasSuffix(path, "_test.go") {
			return
		}
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			r, ok := reasonOf(call, constants)
			// One reason may stand for several things; the table gives an example.
			if key := r.name + " " + r.kind; ok && found[key].says < r.says {
				found[key] = r
			}
			return true
		})
	})
	for name, text := range constants {
		if strings.HasPrefix(name, "Reason") { // passed on to errs.Invalid
			found[text+" InvalidArgument"] = violated(text)
		}
	}
	all := make([]reason, 0, len(found))
	for _, r := range found {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b reason) int { return strings.Compare(a.name+a.kind, b.name+b.kind) })
	return all
}

func reasonOf(call *ast.CallExpr, constants map[string]string) (reason, bool) {
	switch calledName(call) {
	case "errs.New":
		kind, ok := call.Args[0].(*ast.SelectorExpr)
		if !ok || len(call.Args) < 3 {
			return reason{}, false
		}
		name, says := textOf(call.Args[1], constants), textOf(call.Args[2], constants)
		return reason{name, kind.Sel.Name, plain(says)}, name != "" && says != ""
	case "errs.Invalid":
		name := textOf(call.Args[0], constants)
		return violated(name), name != ""
	}
	return reason{}, false
}

// violated is the reason of a request with wrong fields.
func violated(name string) reason {
	return reason{name, "InvalidArgument", "`violations` name each field and what is wrong"}
}

// reasonConstants are texts that are named in the code, by their names.
func reasonConstants(t *testing.T) map[string]string {
	t.Helper()
	constants := make(map[string]string)
	eachFile(t, func(path string, file *ast.File) {
		if !anyUnder(path, answering...) {
			return
		}
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			for i := 0; ok && i < len(spec.Values); i++ {
				if text := textOf(spec.Values[i], nil); reasonName.MatchString(text) {
					constants[spec.Names[i].Name] = text
				}
			}
			return true
		})
	})
	return constants
}

var reasonName = regexp.MustCompile(`^[A-Z][A-Z_]+$`)

func textOf(expr ast.Expr, constants map[string]string) string {
	switch e := expr.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.Ident:
		return constants[e.Name]
	case *ast.SelectorExpr:
		return constants[e.Sel.Name]
	}
	return ""
}

// plain is a format for readers: what is filled in is left open.
func plain(format string) string {
	format = regexp.MustCompile(`"?%[+#]?[a-z]"?`).ReplaceAllString(format, "…")
	if !regexp.MustCompile(`[a-z]`).MatchString(format) {
		return "`detail` says what"
	}
	return strings.ReplaceAll(format, "|", `\|`)
}

// httpStatuses reads the gateway's own tables: by kind, and by reason where
// HTTP knows better.
func httpStatuses(t *testing.T) map[string]int {
	t.Helper()
	named := make(map[string]int)
	for code := 100; code < 600; code++ {
		named["Status"+strings.ReplaceAll(http.StatusText(code), " ", "")] = code
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "services/gateway/internal/problem/problem.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	statuses := map[string]int{"Internal": http.StatusInternalServerError}
	ast.Inspect(file, func(node ast.Node) bool {
		pair, ok := node.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		key := textOf(pair.Key, nil)
		if kind, ok := pair.Key.(*ast.SelectorExpr); ok {
			key = kind.Sel.Name
		}
		switch value := pair.Value.(type) {
		case *ast.SelectorExpr:
			statuses[key] = named[value.Sel.Name]
		case *ast.BasicLit:
			statuses[key], _ = strconv.Atoi(value.Value)
		}
		return true
	})
	return statuses
}

// kindNamed finds a kind by its name in the code: "NotFound" is "not found".
func kindNamed(name string) errs.Kind {
	words := regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(name, "$1 $2")
	for k := errs.Internal; k <= errs.Canceled; k++ {
		if strings.EqualFold(k.String(), words) {
			return k
		}
	}
	return errs.Internal
}
