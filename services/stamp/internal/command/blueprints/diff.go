package blueprints

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

type diffOptions struct {
	*session.Session
	client  *client.Client
	printer *printer.Printer
	name    string
	old     string
	new     string
	impact  bool
	filter  string
}

func diffCommand(s *session.Session) *cobra.Command {
	o := &diffOptions{Session: s}
	cmd := &cobra.Command{
		Use:   "diff NAME OLD NEW",
		Short: "Compare two revisions, field by field, or by what an upgrade would do",
		Long: `Compare two revisions, field by field. With --impact: what an upgrade from OLD to NEW would do to
each tenant of OLD, with no change made:

  UNCHANGED  nothing is touched
  RESTART    components are changed, restarted, created or removed; nothing migrates
  MIGRATE    migrate jobs run; what depends on them is stopped meanwhile
  BLOCKED    the upgrade is refused: an input is missing or of a wrong type, the plan is gone,
             a downgrade, or outside upgrade_from

It is told from the wishes alone. For one customer's copy as it is, every field and every step:
stamp tenant preview TENANT --blueprint NAME@NEW`,
		Example: `  stamp blueprint diff helpdesk 1.0.0 1.1.0
  stamp blueprint diff helpdesk 1.0.0 1.1.0 --impact
  stamp blueprint diff helpdesk 1.0.0 1.1.0 --impact --filter 'plan = enterprise' -o json`,
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: complete.Revisions(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.name, o.old, o.new = names.Blueprint(args[0]), args[1], args[2]
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			switch {
			case o.impact:
				return runImpact(cmd.Context(), o)
			case o.filter != "":
				return exit.Usagef("--filter chooses tenants: it goes with --impact")
			}
			return runDiff(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.impact, "impact", false, "what an upgrade would do to each tenant of OLD")
	cmd.Flags().StringVar(&o.filter, "filter", "", "of those tenants only these, as in \"tenant list\"")
	return cmd
}

func runDiff(ctx context.Context, o *diffOptions) error {
	var fields [2]map[string]any
	for i, id := range []string{o.old, o.new} {
		revision := &registryv1.Revision{}
		if err := o.client.Get(ctx, "/v1/"+o.name+"/revisions/"+id, nil, revision); err != nil {
			return err
		}
		var err error
		if fields[i], err = flatten(revision.GetRecipe()); err != nil {
			return err
		}
	}
	changes := compare(fields[0], fields[1])
	if !o.printer.ForPeople() {
		text, err := json.Marshal(changes)
		if err != nil {
			return fmt.Errorf("encode changes: %w", err)
		}
		return o.printer.Raw(text)
	}
	if len(changes) == 0 {
		o.Say("%s and %s are the same", o.old, o.new)
	}
	for _, c := range changes {
		fmt.Fprintln(o.Out, c)
	}
	return nil
}
