package yamlpb

import "strings"

// cursor is a place in the file, counted in characters as YAML parsers do.
type cursor struct {
	lines        []string
	line, column int // 0-based

	text   []rune // of line textOf-1, kept because a line is asked for at every character
	textOf int
}

// rest is the current line from the cursor on, without its line break.
func (c *cursor) rest() []rune {
	if c.line >= len(c.lines) {
		return nil
	}
	if c.textOf != c.line+1 {
		c.text, c.textOf = []rune(strings.TrimRight(c.lines[c.line], "\r\n")), c.line+1
	}
	if c.column >= len(c.text) {
		return nil
	}
	return c.text[c.column:]
}

// skipProperties passes an anchor or a tag in front of a scalar.
func (c *cursor) skipProperties() {
	for {
		rest := c.rest()
		if len(rest) == 0 || rest[0] != '&' && rest[0] != '!' {
			return
		}
		for len(rest) > 0 && rest[0] != ' ' {
			rest, c.column = rest[1:], c.column+1
		}
		for len(rest) > 0 && rest[0] == ' ' {
			rest, c.column = rest[1:], c.column+1
		}
	}
}

// seek moves over folded white space to where the wanted character, or an
// escape that stands for it, is written. It is false at the end of the file.
func (c *cursor) seek(want rune, escapes bool) bool {
	for c.line < len(c.lines) {
		rest := c.rest()
		switch {
		case len(rest) == 0:
			if want == '\n' || want == ' ' {
				return true
			}
			c.line, c.column = c.line+1, 0
		case rest[0] == want:
			return true
		case escapes && rest[0] == '\\' && len(rest) == 1:
			c.line, c.column = c.line+1, 0
		case rest[0] != ' ' && rest[0] != '\t':
			return true
		default:
			c.column++
		}
	}
	return false
}

// step moves past one decoded character. It is false when what is written has
// nothing to do with it: the place found so far is then the best there is.
func (c *cursor) step(want rune, single, double bool) bool {
	rest := c.rest()
	switch {
	case len(rest) == 0:
		c.line, c.column = c.line+1, 0
	case single && rest[0] == '\'':
		c.column += 2
	case double && rest[0] == '\\':
		c.column += escapeLength(rest)
	case rest[0] == want:
		c.column++
	default:
		return false
	}
	return true
}

func escapeLength(rest []rune) int {
	if len(rest) < 2 {
		return 1
	}
	switch rest[1] {
	case 'x':
		return 4
	case 'u':
		return 6
	case 'U':
		return 10
	}
	return 2
}
