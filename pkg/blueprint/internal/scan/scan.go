// Package scan reads a blueprint's scalars: text with ${expressions} in it,
// and commands, which are such text in words.
//
// A command is split into words before anything is filled in, so whatever an
// expression gives is part of exactly one argument. The quoting is that of a
// shell without its magic: 'a b', "a b" and a backslash keep blanks together;
// nothing is expanded, and "$HOME" or "*" are what they are. "$${" is a
// literal "${" everywhere.
package scan

import (
	"strings"
	"unicode/utf8"
)

// Part is a piece of literal text, or the source of one expression.
type Part struct {
	Text   string // literal text, or the expression without "${" and "}"
	Expr   bool
	Offset int // of Text in the scalar, in bytes; for literal text where it begins
}

// Error says what is wrong at which byte of the scalar.
type Error struct {
	Offset   int
	Message  string
	Expected string
}

// Error gives the message.
func (e *Error) Error() string { return e.Message }

// scanner collects the parts of one word or text.
type scanner struct {
	src     string
	pos     int
	parts   []Part
	literal strings.Builder
	begin   int // where the literal began
}

// Text reads a scalar that is not a command. Without expressions it is at most
// one part.
func Text(src string) ([]Part, error) {
	s := &scanner{src: src}
	for s.pos < len(s.src) {
		taken, err := s.dollar()
		if err != nil {
			return nil, err
		}
		if !taken {
			s.char()
		}
	}
	return s.take(), nil
}

// char moves one character to the literal.
func (s *scanner) char() {
	_, n := utf8.DecodeRuneInString(s.src[s.pos:])
	s.put(s.src[s.pos : s.pos+n])
	s.pos += n
}

func (s *scanner) put(text string) {
	if s.literal.Len() == 0 {
		s.begin = s.pos
	}
	s.literal.WriteString(text)
}

// dollar reads "$${" or "${…}" if one is next.
func (s *scanner) dollar() (bool, error) {
	rest := s.src[s.pos:]
	switch {
	case strings.HasPrefix(rest, "$${"):
		s.put("${")
		s.pos += 3
	case strings.HasPrefix(rest, "${"):
		end := expressionEnd(rest[2:])
		if end < 0 {
			return false, &Error{Offset: s.pos, Message: `"${" is not closed`, Expected: `"}", or "$${" for a literal "${"`}
		}
		if strings.TrimSpace(rest[2:2+end]) == "" {
			return false, &Error{Offset: s.pos, Message: `"${}" is empty`, Expected: "an expression"}
		}
		s.flush()
		s.parts = append(s.parts, Part{Text: rest[2 : 2+end], Expr: true, Offset: s.pos + 2})
		s.pos += end + 3
	default:
		return false, nil
	}
	return true, nil
}

func (s *scanner) flush() {
	if s.literal.Len() > 0 {
		s.parts = append(s.parts, Part{Text: s.literal.String(), Offset: s.begin})
		s.literal.Reset()
	}
}

// take gives the parts so far and begins anew.
func (s *scanner) take() []Part {
	s.flush()
	parts := s.parts
	s.parts = nil
	return parts
}

// expressionEnd is the index of the "}" that closes an expression, past those
// inside its own strings and braces; -1 when there is none.
func expressionEnd(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		case '"', '\'':
			n := stringLength(s[i:], i > 0 && (s[i-1] == 'r' || s[i-1] == 'R'))
			if n < 0 {
				return -1
			}
			i += n - 1
		}
	}
	return -1
}

// stringLength is the length of the CEL string that s begins with, quotes
// included; -1 when it is not closed.
func stringLength(s string, raw bool) int {
	quote := s[:1]
	if strings.HasPrefix(s, strings.Repeat(quote, 3)) {
		quote = s[:3]
	}
	for i := len(quote); i < len(s); i++ {
		if s[i] == '\\' && !raw {
			i++
			continue
		}
		if strings.HasPrefix(s[i:], quote) {
			return i + len(quote)
		}
	}
	return -1
}
