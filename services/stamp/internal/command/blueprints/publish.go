package blueprints

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"stampworks.dev/pkg/blueprint"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/recipe"
	"stampworks.dev/services/stamp/internal/session"
)

type publishOptions struct {
	*session.Session
	client  *client.Client
	printer *printer.Printer
	file    string
}

func publishCommand(s *session.Session) *cobra.Command {
	o := &publishOptions{Session: s}
	return &cobra.Command{
		Use:   "publish FILE",
		Short: "Publish a revision: from then on it never changes",
		Long: `Publish a revision. Paths of programs become absolute, from the file's own folder, and the SHA-256 of
local files is filled in. The same content again is the same revision; other content is refused.`,
		Example: `  stamp blueprint publish helpdesk.yaml`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.file = args[0]
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			return runPublish(cmd.Context(), o)
		},
	}
}

func runPublish(ctx context.Context, o *publishOptions) error {
	prepared, err := recipe.Prepare(o.file)
	var problems blueprint.Problems
	if errors.As(err, &problems) {
		return &exit.Error{Code: exit.Failure, Message: o.file + " cannot be published:\n" + problems.Error()}
	}
	if err != nil {
		return err
	}
	revision, err := recipe.Publish(ctx, o.client, prepared)
	if err != nil {
		return err
	}
	return printer.One(o.printer, revisionView(o.printer.Now()), revision)
}
