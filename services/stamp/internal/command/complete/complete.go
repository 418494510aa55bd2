// Package complete offers to the shell what there is to name.
package complete

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/session"
)

// patience is how long a person who pressed Tab waits.
const patience = 2 * time.Second

// reader finds what can be said next, after the arguments before.
type reader func(ctx context.Context, c *client.Client, before []string) ([]cobra.Completion, error)

// Tenants completes the first argument with the tenants that there are.
func Tenants(s *session.Session) cobra.CompletionFunc { return arguments(s, tenants) }

// Components completes a tenant, then a component of it.
func Components(s *session.Session) cobra.CompletionFunc { return arguments(s, tenants, components) }

// Cells completes the first argument with the cells that there are.
func Cells(s *session.Session) cobra.CompletionFunc { return arguments(s, cells) }

// Sources completes the first argument with the sources that there are.
func Sources(s *session.Session) cobra.CompletionFunc { return arguments(s, sources) }

// Deliveries completes the first argument with the newest deliveries.
func Deliveries(s *session.Session) cobra.CompletionFunc { return arguments(s, deliveries) }

// Blueprints completes the first argument with the blueprints that there are.
func Blueprints(s *session.Session) cobra.CompletionFunc { return arguments(s, blueprints) }

// Revisions completes a blueprint, then two revisions of it.
func Revisions(s *session.Session) cobra.CompletionFunc {
	each := []reader{blueprints, revisions, revisions}
	return arguments(s, each...)
}

// Backups completes a tenant, then one of its backups.
func Backups(s *session.Session) cobra.CompletionFunc { return arguments(s, tenants, backups) }

// OpenOperations completes the first argument with the operations that go on.
func OpenOperations(s *session.Session) cobra.CompletionFunc { return arguments(s, openOperations) }

// Flags completes the values of those flags of a command that name something.
func Flags(cmd *cobra.Command, s *session.Session) {
	values := map[string]cobra.CompletionFunc{
		"mode":        cobra.FixedCompletions([]cobra.Completion{"DRY_RUN", "APPROVE", "AUTO"}, cobra.ShellCompDirectiveNoFileComp),
		"output":      cobra.FixedCompletions([]cobra.Completion{"table", "wide", "json", "yaml", "name"}, cobra.ShellCompDirectiveNoFileComp),
		"blueprint":   value(s, wishes),
		"cell":        value(s, cells),
		"deal-source": value(s, sources),
		"plan": func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return ask(cmd, s, plans(s, cmd.Flag("blueprint").Value.String()), nil)
		},
	}
	for name, complete := range values {
		if cmd.Flags().Lookup(name) != nil || cmd.PersistentFlags().Lookup(name) != nil {
			_ = cmd.RegisterFlagCompletionFunc(name, complete) // it is there
		}
	}
}

// arguments completes each argument by its own reader, and files never.
func arguments(s *session.Session, each ...reader) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= len(each) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return ask(cmd, s, each[len(args)], args)
	}
}

// value completes the value of a flag.
func value(s *session.Session, read reader) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return ask(cmd, s, read, nil)
	}
}

func ask(cmd *cobra.Command, s *session.Session, read reader, before []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	c, err := s.Client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	parent := cmd.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, patience)
	defer cancel()
	found, err := read(ctx, c, before)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
