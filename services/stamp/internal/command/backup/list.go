package backup

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

func listCommand(s *session.Session) *cobra.Command {
	o, all := &options{Session: s, tenant: "tenants/-"}, false
	cmd := &cobra.Command{
		Use:   "list [TENANT]",
		Short: "List a customer's backups, or those of all, the newest first",
		Example: `  stamp backup list acme
  stamp backup list acme -o wide
  stamp backup list --all -o json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) > 0 {
				o.tenant = names.Tenant(args[0])
			}
			if o.client, o.printer, err = o.Open(); err != nil {
				return err
			}
			return runList(cmd.Context(), o, all)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every one, not just the newest")
	return cmd
}

// newestOfAll is how many backups of all customers are listed when not all are
// asked for.
const newestOfAll = 100

func runList(ctx context.Context, o *options, all bool) error {
	everybody, list := o.tenant == "tenants/-", &provisionerv1.ListBackupsResponse{}
	if err := client.List(ctx, o.client, "/v1/"+o.tenant+"/backups", nil, all || everybody, list); err != nil {
		return err
	}
	found := len(list.GetBackups())
	if everybody { // which the API has by name
		slices.SortStableFunc(list.Backups, func(a, b *provisionerv1.Backup) int {
			return b.GetCreateTime().AsTime().Compare(a.GetCreateTime().AsTime())
		})
		if !all {
			list.Backups = list.GetBackups()[:min(found, newestOfAll)]
		}
	}
	switch {
	case found == 0:
		o.Say("no backups")
	case len(list.GetBackups()) < found:
		o.Say("the newest %d of %d; all of them with: --all", len(list.GetBackups()), found)
	case list.GetNextPageToken() != "":
		o.Say("the first %d; all of them with: --all", len(list.GetBackups()))
	}
	return printer.List(o.printer, view(o.printer.Now()), list, list.GetBackups())
}
