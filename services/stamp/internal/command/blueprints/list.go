package blueprints

import (
	"context"

	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

type listOptions struct {
	*session.Session
	client  *client.Client
	printer *printer.Printer
	name    string
}

func listCommand(s *session.Session) *cobra.Command {
	o := &listOptions{Session: s}
	return &cobra.Command{
		Use:   "list [NAME]",
		Short: "List blueprints, or the revisions of one",
		Example: `  stamp blueprint list
  stamp blueprint list helpdesk`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: complete.Blueprints(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) > 0 {
				o.name = names.Blueprint(args[0])
			}
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			return runList(cmd.Context(), o)
		},
	}
}

func runList(ctx context.Context, o *listOptions) error {
	if o.name != "" {
		list := &registryv1.ListRevisionsResponse{}
		if err := client.List(ctx, o.client, "/v1/"+o.name+"/revisions", nil, true, list); err != nil {
			return err
		}
		return printer.List(o.printer, revisionView(o.printer.Now()), list, list.GetRevisions())
	}
	list := &registryv1.ListBlueprintsResponse{}
	if err := client.List(ctx, o.client, "/v1/blueprints", nil, true, list); err != nil {
		return err
	}
	if len(list.GetBlueprints()) == 0 {
		o.Say("no blueprints; publish one with: stamp blueprint publish FILE")
	}
	return printer.List(o.printer, view(o.printer.Now()), list, list.GetBlueprints())
}
