package backup

import (
	"context"
	"net/url"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
)

func createCommand(s *session.Session) *cobra.Command {
	o := &options{Session: s}
	cmd := &cobra.Command{
		Use:   "create TENANT",
		Short: "Make a backup of a customer's data, while it goes on",
		Long: `Make a backup of a customer's data, while it goes on: the backup jobs of its blueprint write it, and it is
kept in the repository of the cell. It stays until it is deleted; the plan's schedule makes others by itself.`,
		Example: `  stamp backup create acme --wait
  stamp backup create acme --wait -o name      its name, for scripts`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.tenant = names.Tenant(args[0])
			if o.client, o.printer, err = o.Open(); err != nil {
				return err
			}
			return runCreate(cmd.Context(), o)
		},
	}
	o.workFlags(cmd)
	return cmd
}

func (o *options) workFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.wait, "wait", false, "wait until it is done, and show the steps")
	cmd.Flags().StringVar(&o.requestID, "request-id", "", "makes the same call repeatable while its operation is kept")
}

func runCreate(ctx context.Context, o *options) error {
	query := url.Values{}
	if o.requestID != "" {
		query.Set("request_id", o.requestID)
	}
	op := &longrunningpb.Operation{}
	if err := o.client.Post(ctx, "/v1/"+o.tenant+"/backups", query, &provisionerv1.Backup{}, op); err != nil {
		return err
	}
	return o.finish(ctx, op)
}
