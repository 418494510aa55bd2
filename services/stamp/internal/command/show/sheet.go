package show

import (
	"strings"
	"unicode/utf8"

	"stampworks.dev/services/stamp/internal/printer"
)

// usual is how wide the screen is taken to be where nobody can tell.
const usual = 100

// sheet is what is written on: a terminal of a width, or, with width 0, a
// file or a pipe, where a long line stays one.
type sheet struct{ width int }

// fits is how wide a line is laid out.
func (s sheet) fits() int {
	if s.width == 0 {
		return usual
	}
	return s.width
}

// beside is how wide a title is, with the space after it.
const beside = 12

// wrap joins those parts that are not empty into lines that fit beside a title.
func (s sheet) wrap(parts []string) []string {
	var lines []string
	for _, p := range parts {
		if p = printer.Safe(p); p == "" {
			continue
		}
		last := len(lines) - 1
		if last >= 0 && utf8.RuneCountInString(lines[last])+utf8.RuneCountInString(p)+len(" · ")+beside <= s.fits() {
			lines[last] += " · " + p
			continue
		}
		lines = append(lines, p)
	}
	return lines
}

// fold breaks a line that is wider than the terminal at its spaces; what goes
// on below hangs that far in. A word that is too wide stays whole: it may be
// copied.
func (s sheet) fold(line string, hang int) []string {
	if s.width == 0 {
		return []string{line}
	}
	var lines []string
	for {
		runes := []rune(line)
		at := len(runes)
		if at > s.width {
			at = breakAt(runes, s.width, hang)
		}
		if at == len(runes) {
			return append(lines, line)
		}
		lines = append(lines, strings.TrimRight(string(runes[:at]), " "))
		line = strings.Repeat(" ", hang) + strings.TrimLeft(string(runes[at:]), " ")
	}
}

// breakAt is the last space that still fits, or else the next one.
func breakAt(line []rune, width, hang int) int {
	for at := width; at > hang; at-- {
		if line[at] == ' ' {
			return at
		}
	}
	for at := max(width, hang); at < len(line); at++ {
		if line[at] == ' ' {
			return at
		}
	}
	return len(line)
}
