package blueprints

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"stampworks.dev/pkg/blueprint"

	"stampworks.dev/services/stamp/internal/exit"
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

func runLint(s *session.Session, files []string) error {
	wrong := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read blueprint: %w", err)
		}
		recipe, err := blueprint.Parse(file, text)
		var problems blueprint.Problems
		switch {
		case errors.As(err, &problems):
			wrong += len(problems)
			fmt.Fprintln(s.Out, problems.Error())
		case err != nil:
			return err
		default:
			for _, note := range recipe.Notes() {
				s.Say("note: %v", note)
			}
			s.Say("%s: %s %s is well-formed", file, recipe.Name(), recipe.Revision())
		}
	}
	if wrong > 0 {
		return exit.Said(exit.Failure)
	}
	return nil
}
