package printer

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"unicode"

	"google.golang.org/protobuf/proto"
)

// Column is one column of a table.
type Column[T any] struct {
	Head string
	// Wide columns are only in -o wide.
	Wide bool
	Cell func(T) string
}

// View is how a kind of resource is shown.
type View[T any] struct {
	// Columns of its table, given what ages are counted to.
	Columns []Column[T]
	// Name of one, for -o name.
	Name func(T) string
}

// List writes a list: whole is the API's answer, items what is in it.
func List[T any](p *Printer, v View[T], whole proto.Message, items []T) error {
	switch p.Format {
	case JSON, YAML:
		return p.Message(whole)
	case Name:
		for _, item := range items {
			if _, err := fmt.Fprintln(p.Out, v.Name(item)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(items) == 0 {
		return nil
	}
	return p.table(v.rows(items, p.Format == Wide))
}

// One writes one resource, in a table of one row.
func One[T proto.Message](p *Printer, v View[T], item T) error {
	return List(p, v, item, []T{item})
}

func (v View[T]) rows(items []T, wide bool) [][]string {
	rows := make([][]string, len(items)+1)
	for _, c := range v.Columns {
		if c.Wide && !wide {
			continue
		}
		rows[0] = append(rows[0], c.Head)
		for i, item := range items {
			rows[i+1] = append(rows[i+1], c.Cell(item))
		}
	}
	return rows
}

func (p *Printer) table(rows [][]string) error {
	for _, line := range Align("", rows) {
		if _, err := fmt.Fprintln(p.Out, line); err != nil {
			return err
		}
	}
	return nil
}

// Align writes rows as lines with aligned columns, each line after indent.
func Align(indent string, rows [][]string) []string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = Safe(cell); cell == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(w, indent+strings.Join(cells, "\t"))
	}
	_ = w.Flush()
	var lines []string
	for line := range strings.Lines(b.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return lines
}

// Safe keeps a text from steering the terminal: customers choose their names.
func Safe(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' {
			return ' '
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '?'
		}
		return r
	}, text)
}
