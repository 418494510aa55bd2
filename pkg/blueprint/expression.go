package blueprint

import (
	"fmt"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/types"

	"stampworks.dev/pkg/blueprint/internal/scan"
)

// expression is one checked ${…}.
type expression struct {
	source  string
	program cel.Program
	refs    []reference
}

// reference is a name that an expression uses; offset is a byte of the scalar.
type reference struct {
	symbol symbol
	offset int
}

// compileExpression checks names, then types, then the result; nil after a
// problem.
func (c *compiler) compileExpression(path string, p scan.Part, in scope) *expression {
	if len(p.Text) > maxExpression {
		c.within(path, p.Offset, fmt.Sprintf("the expression has %d bytes", len(p.Text)), fmt.Sprintf("at most %d", maxExpression))
		return nil
	}
	parsed, issues := c.env.Parse(p.Text)
	if c.celIssues(path, p, issues) {
		return nil
	}
	refs, ok := c.resolve(path, p, parsed, in)
	if !ok {
		return nil
	}
	checked, issues := c.env.Check(parsed)
	if c.celIssues(path, p, issues) {
		return nil
	}
	switch checked.OutputType().Kind() {
	case types.StringKind, types.IntKind, types.UintKind, types.DoubleKind, types.BoolKind:
	default:
		c.within(path, p.Offset, fmt.Sprintf("the expression gives %s", checked.OutputType()), "a text, a number, true or false")
		return nil
	}
	program, err := c.env.Program(checked, cel.CostLimit(maxCost), cel.MemoryLimit(maxElements),
		cel.InterruptCheckFrequency(interruptEvery), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		c.within(path, p.Offset, "the expression cannot work: "+firstLine(err.Error()), "constants that its functions take")
		return nil
	}
	expr := &expression{source: p.Text, program: program, refs: refs}
	if len(refs) == 0 { // always the same: what fails for a customer fails now
		if _, err := expr.eval(cel.NoVars()); err != nil {
			c.within(path, p.Offset, "the expression always fails: "+err.Error(), "")
			return nil
		}
	}
	return expr
}

// celIssues reports what CEL's parser or checker found.
func (c *compiler) celIssues(path string, p scan.Part, issues *cel.Issues) bool {
	if issues.Err() == nil {
		return false
	}
	for _, e := range issues.Errors() {
		message, expected := celWords(e.Message)
		c.within(path, p.Offset+celOffset(p.Text, e.Location), message, expected)
	}
	return true
}

// celOffset turns CEL's line and column (in characters) into a byte.
func celOffset(src string, at common.Location) int {
	if at == nil || at.Line() < 1 {
		return 0
	}
	lines := strings.SplitAfter(src, "\n")
	offset := 0
	for i := 0; i < at.Line()-1 && i < len(lines); i++ {
		offset += len(lines[i])
	}
	rest := []rune(src[min(offset, len(src)):])
	return offset + len(string(rest[:min(max(at.Column(), 0), len(rest))]))
}

var (
	overload   = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '([^']*)'`)
	container  = regexp.MustCompile(` \(in container '[^']*'\)`)
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	selection  = regexp.MustCompile(`^type '([^']*)' does not support field selection`)
	expecting  = regexp.MustCompile(` expecting \{.*\}$`)
)

// celWords puts CEL's words into ours.
func celWords(message string) (words, expected string) {
	if m := overload.FindStringSubmatch(message); m != nil {
		name := strings.ReplaceAll(strings.Trim(strings.ReplaceAll(m[1], "@", ""), "_"), "?_:", "? :")
		return fmt.Sprintf("type error: %q does not take %s", name, m[2]), "operands of matching types; string(x), int(x) and double(x) convert"
	}
	message = expecting.ReplaceAllString(container.ReplaceAllString(firstLine(message), ""), "")
	if syntax, ok := strings.CutPrefix(message, "Syntax error: "); ok {
		return "syntax error: " + syntax, "an expression of CEL"
	}
	if m := undeclared.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("type error: there is no %q", m[1]), "a standard function of CEL, such as string, int, size, contains or matches"
	}
	if m := selection.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("type error: %s has no fields", m[1]), "a name without what follows the last dot, or a map before it"
	}
	return "type error: " + message, "an expression of CEL whose types fit"
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
