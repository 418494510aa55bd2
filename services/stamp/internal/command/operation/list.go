package operation

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

type listOptions struct {
	*session.Session
	client         *client.Client
	printer        *printer.Printer
	filter, tenant string
	all            bool
}

func listCommand(s *session.Session) *cobra.Command {
	o := &listOptions{Session: s}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List operations",
		Example: `  stamp operation list --tenant acme
  stamp operation list --all -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			return runList(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.filter, "filter", "", "only those for which it holds (AIP-160)")
	cmd.Flags().StringVar(&o.tenant, "tenant", "", "only those of a tenant")
	cmd.Flags().BoolVar(&o.all, "all", false, "every page, not just the first")
	return cmd
}

func runList(ctx context.Context, o *listOptions) error {
	query := url.Values{}
	if o.filter != "" {
		query.Set("filter", o.filter)
	}
	list := &longrunningpb.ListOperationsResponse{}
	if err := client.List(ctx, o.client, "/v1/operations", query, o.all || o.tenant != "", list); err != nil {
		return err
	}
	if o.tenant != "" {
		of := names.Operation(names.Short(names.Tenant(o.tenant))) + "."
		list.Operations = slices.DeleteFunc(list.GetOperations(), func(op *longrunningpb.Operation) bool {
			return !strings.HasPrefix(op.GetName(), of)
		})
	}
	switch {
	case len(list.GetOperations()) == 0:
		o.Say("no operations")
	case list.GetNextPageToken() != "":
		o.Say("the first %d; all of them with: --all", len(list.GetOperations()))
	}
	return printer.List(o.printer, view(o.printer.Now()), list, list.GetOperations())
}
