package scan

import (
	"fmt"
	"strings"
)

// operators are words that mean something to a shell and nothing here. An
// author who wants to hand one to a program quotes it.
var operators = map[string]bool{
	"|": true, "||": true, "&": true, "&&": true, ";": true,
	">": true, ">>": true, "<": true, "<<": true, "2>": true, "2>&1": true, "&>": true,
}

// Words splits a command. A word has no parts when it is an empty argument, an
// opening and a closing quote. The first word, the program, has no expression.
func Words(src string) ([][]Part, error) {
	w := &wordScanner{scanner: scanner{src: src}}
	for w.pos < len(w.src) {
		if err := w.next(); err != nil {
			return nil, err
		}
	}
	if err := w.end(); err != nil {
		return nil, err
	}
	if len(w.words) == 0 {
		return nil, &Error{Message: "the command is empty", Expected: "a program and its arguments"}
	}
	return w.words, w.program()
}

type wordScanner struct {
	scanner
	words  [][]Part
	inWord bool
	quoted bool // part of the word was quoted
	start  int
}

// next reads a blank, a quoted piece, an escape, an expression or a character.
func (w *wordScanner) next() error {
	c := w.src[w.pos]
	if strings.IndexByte(" \t\r\n", c) >= 0 {
		w.pos++
		return w.end()
	}
	if !w.inWord {
		w.inWord, w.start = true, w.pos
	}
	switch c {
	case '\'', '"':
		w.quoted = true
		return w.quote(c)
	case '\\':
		w.quoted = true
		return w.escape("")
	}
	taken, err := w.dollar()
	if err == nil && !taken {
		w.char()
	}
	return err
}

// quote reads up to the closing quote. Expressions are filled in inside both
// kinds; a backslash means something in double quotes only.
func (w *wordScanner) quote(mark byte) error {
	open := w.pos
	for w.pos++; w.pos < len(w.src); {
		switch c := w.src[w.pos]; {
		case c == mark:
			w.pos++
			return nil
		case c == '\\' && mark == '"':
			if err := w.escape("\"\\$"); err != nil {
				return err
			}
			continue
		}
		taken, err := w.dollar()
		if err != nil {
			return err
		}
		if !taken {
			w.char()
		}
	}
	return &Error{Offset: open, Message: "quote " + string(mark) + " is not closed", Expected: "another " + string(mark)}
}

// escape takes the next character as it is; before one that needs no escape
// the backslash stays.
func (w *wordScanner) escape(needed string) error {
	if w.pos+1 == len(w.src) {
		return &Error{Offset: w.pos, Message: "a backslash ends the command", Expected: `a character after it, or \\`}
	}
	if needed == "" || strings.IndexByte(needed, w.src[w.pos+1]) >= 0 {
		w.pos++
	}
	w.char()
	return nil
}

// end finishes the word that is being read, if any.
func (w *wordScanner) end() error {
	if !w.inWord {
		return nil
	}
	word := w.take()
	if len(word) == 1 && !word[0].Expr && !w.quoted && operators[word[0].Text] {
		return &Error{Offset: w.start, Message: fmt.Sprintf("%q means nothing here: a command runs without a shell", word[0].Text),
			Expected: fmt.Sprintf("one program and its arguments; '%s' hands it on as an argument", word[0].Text)}
	}
	w.words = append(w.words, word)
	w.inWord, w.quoted = false, false
	return nil
}

// program checks the first word.
func (w *wordScanner) program() error {
	first := w.words[0]
	if len(first) == 0 {
		return &Error{Message: "the program is empty", Expected: "a program and its arguments"}
	}
	for _, part := range first {
		if part.Expr {
			return &Error{Offset: part.Offset - 2, Message: "the program is an expression", Expected: "the name of a program: it is found before anything is filled in"}
		}
	}
	return nil
}
