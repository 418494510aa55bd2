package blueprints

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"stampworks.dev/pkg/blueprint"

	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

func lintCommand(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:   "lint FILE…",
		Short: "Check blueprint files on this machine: every mistake with its line and column",
		Example: `  stamp blueprint lint helpdesk.yaml
  stamp blueprint lint products/*.yaml`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return runLint(s, args) },
	}
}

// linted is what there is to say about one file.
type linted struct {
	File      string    `json:"file"`
	Blueprint string    `json:"blueprint,omitempty"`
	Revision  string    `json:"revision,omitempty"`
	Problems  []finding `json:"problems"`
	Notes     []finding `json:"notes"`

	problems, notes blueprint.Problems
}

// finding is one of them, for programs.
type finding struct {
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Path     string `json:"path"`
	Message  string `json:"message"`
	Expected string `json:"expected,omitempty"`
}

func findings(all blueprint.Problems) []finding {
	list := []finding{}
	for _, p := range all {
		list = append(list, finding{p.Line, p.Column, p.Path, p.Message, p.Expected})
	}
	return list
}

func runLint(s *session.Session, files []string) error {
	p, err := s.Printer()
	if err != nil {
		return err
	}
	all, wrong := []linted{}, false
	for _, file := range files {
		one, err := lint(file)
		if err != nil {
			return err
		}
		all, wrong = append(all, one), wrong || len(one.problems) > 0
	}
	if err := printLint(s, p, all); err != nil {
		return err
	}
	if wrong {
		return exit.Said(exit.Failure)
	}
	return nil
}

func lint(file string) (linted, error) {
	l := linted{File: file}
	text, err := os.ReadFile(file)
	if err != nil {
		return l, fmt.Errorf("read blueprint: %w", err)
	}
	recipe, err := blueprint.Parse(file, text)
	switch {
	case errors.As(err, &l.problems):
	case err != nil:
		return l, err
	default:
		l.Blueprint, l.Revision, l.notes = recipe.Name(), recipe.Revision(), recipe.Notes()
	}
	l.Problems, l.Notes = findings(l.problems), findings(l.notes)
	return l, nil
}

// printLint gives programs everything; people get the mistakes on stdout, and
// the rest on stderr.
func printLint(s *session.Session, p *printer.Printer, all []linted) error {
	if p.Format == printer.JSON || p.Format == printer.YAML {
		text, err := json.Marshal(map[string]any{"files": all})
		if err != nil {
			return fmt.Errorf("encode findings: %w", err)
		}
		return p.Raw(text)
	}
	for _, l := range all {
		switch {
		case len(l.problems) > 0:
			tell := s.Out
			if p.Format == printer.Name {
				tell = s.Err
			}
			fmt.Fprintln(tell, l.problems.Error())
			continue
		case p.Format == printer.Name:
			fmt.Fprintf(s.Out, "blueprints/%s/revisions/%s\n", l.Blueprint, l.Revision)
		}
		for _, note := range l.notes {
			note.Path = strings.TrimSuffix("note: "+note.Path, ": ")
			s.Say("%v", note)
		}
		s.Say("%s: %s %s is well-formed", l.File, l.Blueprint, l.Revision)
	}
	return nil
}
