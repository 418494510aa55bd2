package delivery

import (
	"context"
	"net/url"

	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

type listOptions struct {
	*session.Session
	client         *client.Client
	printer        *printer.Printer
	source, filter string
	all            bool
}

func listCommand(s *session.Session) *cobra.Command {
	o := &listOptions{Session: s}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List deliveries, newest first",
		Example: `  stamp delivery list
  stamp delivery list --source hubspot --filter 'outcome = NEEDS_APPROVAL'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			return runList(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.source, "source", "-", "only those of a `source`; \"-\" is all")
	cmd.Flags().StringVar(&o.filter, "filter", "", "only those for which it holds (AIP-160)")
	cmd.Flags().BoolVar(&o.all, "all", false, "every page, not just the first")
	return cmd
}

func runList(ctx context.Context, o *listOptions) error {
	query := url.Values{}
	if o.filter != "" {
		query.Set("filter", o.filter)
	}
	list := &registryv1.ListDeliveriesResponse{}
	if err := client.List(ctx, o.client, "/v1/"+names.Source(o.source)+"/deliveries", query, o.all, list); err != nil {
		return err
	}
	switch {
	case len(list.GetDeliveries()) == 0:
		o.Say("no deliveries")
	case list.GetNextPageToken() != "":
		o.Say("the first %d; all of them with: --all", len(list.GetDeliveries()))
	}
	return printer.List(o.printer, View(o.printer.Now()), list, list.GetDeliveries())
}
