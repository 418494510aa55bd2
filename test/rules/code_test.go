package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// fileSet gives the positions of what eachFile parsed.
var fileSet = token.NewFileSet()

// eachFile parses every hand-written Go file and calls visit with it.
func eachFile(t *testing.T, visit func(path string, file *ast.File)) {
	t.Helper()
	files(t, ".go", func(path string) {
		file, err := parser.ParseFile(fileSet, filepath.Join(root, path), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("parse %s: %v", path, err)
			return
		}
		visit(path, file)
	})
}

// line is where a node begins.
func line(node ast.Node) int { return fileSet.Position(node.Pos()).Line }

// TestOnlyMainExits: a library that ends the process takes away its caller's
// chance to stop what runs, and cannot be tested.
func TestOnlyMainExits(t *testing.T) {
	exits := []string{"os.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln", "log.Panic", "log.Panicf", "log.Panicln"}
	eachFile(t, func(path string, file *ast.File) {
		if file.Name.Name == "main" {
			return
		}
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			if name := calledName(call); slices.Contains(exits, name) && !strings.HasSuffix(path, "_test.go") {
				t.Errorf("%s:%d: %s outside main", path, line(call), name)
			} else if name == "panic" && len(call.Args) == 1 && isErr(call.Args[0]) {
				t.Errorf("%s:%d: return the error", path, line(call))
			}
			return true
		})
	})
}

// TestNoInit: work before main runs happens in every test and every command,
// in no order, and has nobody to return an error to.
func TestNoInit(t *testing.T) {
	eachFile(t, func(path string, file *ast.File) {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s:%d: init; main lists what it uses", path, line(f))
			}
		}
	})
}

// TestGoroutinesEnd: nothing in a service runs unwatched. A goroutine belongs to
// a group that waits for it (pkg/lifecycle, errgroup, WaitGroup.Go), or a
// comment beside it says when it ends.
func TestGoroutinesEnd(t *testing.T) {
	eachFile(t, func(path string, file *ast.File) {
		if !strings.HasPrefix(path, "services/") || strings.HasSuffix(path, "_test.go") {
			return
		}
		explained := make(map[int]bool)
		for _, group := range file.Comments {
			if strings.Contains(group.Text(), "ends") || strings.Contains(group.List[len(group.List)-1].Text, "ends") {
				explained[fileSet.Position(group.End()).Line] = true
			}
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if statement, ok := node.(*ast.GoStmt); ok {
				if at := line(statement); !explained[at] && !explained[at-1] {
					t.Errorf("%s:%d: bare go: use a group, or say when it ends", path, at)
				}
			}
			return true
		})
	})
}

// TestTestsDoNotSleep: a test that sleeps is slow on every machine and fails on
// the slowest. Wait for a condition (testkit.Eventually), or let testing/synctest
// move the clock: in its files a Sleep takes no time.
func TestTestsDoNotSleep(t *testing.T) {
	eachFile(t, func(path string, file *ast.File) {
		imports := func(imported string) bool {
			return slices.ContainsFunc(file.Imports, func(s *ast.ImportSpec) bool { return s.Path.Value == strconv.Quote(imported) })
		}
		if !strings.HasSuffix(path, "_test.go") || imports("testing/synctest") {
			return
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if call, ok := node.(*ast.CallExpr); ok && calledName(call) == "time.Sleep" {
				t.Errorf("%s:%d: time.Sleep", path, line(call))
			}
			return true
		})
	})
}

// TestFilesAreShort: a file above 400 lines holds two things. The marks for the
// typical file are lower; lint keeps functions under 80 lines.
func TestFilesAreShort(t *testing.T) {
	const most, median = 400, 120
	var sizes []int
	eachFile(t, func(path string, file *ast.File) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		size := fileSet.Position(file.FileEnd).Line
		sizes = append(sizes, size)
		if size > most {
			t.Errorf("%s: %d lines, more than %d", path, size, most)
		}
	})
	slices.Sort(sizes)
	if middle := sizes[len(sizes)/2]; middle > median {
		t.Errorf("the median file has %d lines, more than %d", middle, median)
	}
}

// calledName is "os.Exit" for os.Exit(1), "panic" for panic(x).
func calledName(call *ast.CallExpr) string {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		if from, ok := fun.X.(*ast.Ident); ok {
			return from.Name + "." + fun.Sel.Name
		}
	}
	return ""
}

// isErr tells a variable that by its name is an error.
func isErr(expr ast.Expr) bool {
	name, ok := expr.(*ast.Ident)
	return ok && (name.Name == "err" || strings.HasSuffix(name.Name, "Err"))
}
