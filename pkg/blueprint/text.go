package blueprint

import (
	"errors"

	"stampworks.dev/pkg/blueprint/internal/scan"
)

// text is one scalar, or one word of a command, ready to be filled in.
type text struct {
	path  string
	scope scope
	parts []part
}

// part is literal text, or an expression.
type part struct {
	literal string
	expr    *expression
}

// command is the program and its arguments; each text is exactly one.
type command []*text

// compileText compiles a scalar and remembers it for the checks that follow.
func (c *compiler) compileText(path, src string, in scope) *text {
	parts, err := scan.Text(src)
	c.scanProblem(path, err)
	t := c.assemble(path, parts, in)
	c.texts = append(c.texts, t)
	return t
}

// compileCommand compiles a command; nil when there is none.
func (c *compiler) compileCommand(path, src string, in scope) command {
	if src == "" {
		return nil
	}
	in.noSecrets = "the command"
	words, err := scan.Words(src)
	c.scanProblem(path, err)
	cmd := make(command, len(words))
	for i, word := range words {
		cmd[i] = c.assemble(path, word, in)
		c.texts = append(c.texts, cmd[i])
	}
	return cmd
}

func (c *compiler) compileTexts(path string, texts map[string]string, in scope) map[string]*text {
	out := make(map[string]*text, len(texts))
	for _, name := range sortedKeys(texts) {
		out[name] = c.compileText(path+"."+name, texts[name], in)
	}
	return out
}

func (c *compiler) assemble(path string, parts []scan.Part, in scope) *text {
	t := &text{path: path, scope: in}
	for _, p := range parts {
		if !p.Expr {
			t.parts = append(t.parts, part{literal: p.Text})
			continue
		}
		if expr := c.compileExpression(path, p, in); expr != nil {
			t.parts = append(t.parts, part{expr: expr})
		}
	}
	return t
}

func (c *compiler) scanProblem(path string, err error) {
	var scanErr *scan.Error
	if errors.As(err, &scanErr) {
		c.within(path, scanErr.Offset, scanErr.Message, scanErr.Expected)
	}
}

// references of all expressions of the text.
func (t *text) references() []reference {
	var all []reference
	for _, p := range t.parts {
		if p.expr != nil {
			all = append(all, p.expr.refs...)
		}
	}
	return all
}
