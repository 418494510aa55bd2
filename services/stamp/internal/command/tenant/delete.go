package tenant

import (
	"context"
	"net/url"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
)

type deleteOptions struct {
	changeOptions
	yes, allowMissing bool
}

func deleteCommand(s *session.Session) *cobra.Command {
	o := &deleteOptions{changeOptions: changeOptions{Session: s}}
	cmd := &cobra.Command{
		Use:   "delete TENANT",
		Short: "Stop a customer's copy for good; its data is kept until purged",
		Long: `Stop a customer's copy for good; its data is kept until purged. On a terminal it asks first;
elsewhere it wants --yes.`,
		Example: `  stamp tenant delete acme
  stamp tenant delete acme --yes --wait`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = names.Tenant(args[0])
			if err := o.open(); err != nil {
				return err
			}
			return runDelete(cmd.Context(), o)
		},
	}
	o.flags(cmd)
	o.etagFlag(cmd)
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&o.allowMissing, "allow-missing", false, "succeed when it is not there")
	return cmd
}

func runDelete(ctx context.Context, o *deleteOptions) error {
	if !o.yes {
		answer, err := o.Ask("Stop "+o.name+" for good? Its data is kept until it is purged. [y/N]", "--yes")
		if err != nil {
			return err
		}
		if !strings.EqualFold(answer, "y") && !strings.EqualFold(answer, "yes") {
			return &exit.Error{Code: exit.Failure, Message: "nothing was done"}
		}
	}
	query := url.Values{}
	if o.etag != "" {
		query.Set("etag", o.etag)
	}
	if o.allowMissing {
		query.Set("allow_missing", "true")
	}
	op := &longrunningpb.Operation{}
	if err := o.client.Delete(ctx, "/v1/"+o.name, query, op); err != nil {
		return err
	}
	return o.finish(ctx, op)
}
