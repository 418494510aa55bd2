package rules

import (
	"go/ast"
	"strings"
	"testing"
)

// TestTelemetryNamesAreEmitted: dashboards and alerts are made from the list of
// names; one that nothing emits makes an alert that never fires.
func TestTelemetryNamesAreEmitted(t *testing.T) {
	const list = "pkg/telemetry/names.go"
	declared, used := map[string]bool{}, map[string]bool{}
	eachFile(t, func(path string, file *ast.File) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		ast.Inspect(file, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.ValueSpec:
				for _, name := range n.Names {
					declared[name.Name] = declared[name.Name] || path == list
				}
			case *ast.SelectorExpr:
				if from, ok := n.X.(*ast.Ident); ok && from.Name == "telemetry" {
					used[n.Sel.Name] = true
				}
			}
			return true
		})
	})
	checked := 0
	for name, is := range declared {
		if is {
			checked++
			if !used[name] {
				t.Errorf("%s: nothing emits %s; delete it until something does", list, name)
			}
		}
	}
	if checked == 0 {
		t.Errorf("%s declares nothing, so the rule proves nothing", list)
	}
}
