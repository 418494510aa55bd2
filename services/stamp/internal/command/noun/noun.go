// Package noun makes the commands that only hold other commands.
package noun

import (
	"strings"

	"github.com/spf13/cobra"

	"stampworks.dev/services/stamp/internal/exit"
)

// Group is a noun with its verbs.
func Group(use, short string, verbs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: Unknown,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.SuggestionsMinimumDistance = 2
	c.AddCommand(verbs...)
	return c
}

// Unknown refuses a word that is no command, and suggests one that is.
func Unknown(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	near := cmd.SuggestionsFor(args[0])
	if len(near) > 0 {
		return exit.Usagef("%q is no command of %s; did you mean: %s", args[0], cmd.CommandPath(), strings.Join(near, ", "))
	}
	return exit.Usagef("%q is no command of %s\n  see: %s --help", args[0], cmd.CommandPath(), cmd.CommandPath())
}
