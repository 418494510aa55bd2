package blueprints

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
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
}

func diffCommand(s *session.Session) *cobra.Command {
	o := &diffOptions{Session: s}
	return &cobra.Command{
		Use:               "diff NAME OLD NEW",
		Short:             "Compare two revisions, field by field",
		Example:           `  stamp blueprint diff helpdesk 1.0.0 1.1.0`,
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: complete.Revisions(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.name, o.old, o.new = names.Blueprint(args[0]), args[1], args[2]
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			return runDiff(cmd.Context(), o)
		},
	}
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
