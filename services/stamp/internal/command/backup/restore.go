package backup

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
)

func restoreCommand(s *session.Session) *cobra.Command {
	o := &options{Session: s}
	cmd := o.one(&cobra.Command{
		Short: "Bring a backup back into its customer's copy",
		Long: `Bring a backup back into its customer's copy. Customers are kept out meanwhile, and a backup of what is there
now is made first: if the restore fails, that one is brought back. What was written since the backup is gone from
the copy afterwards, and is in that other one. On a terminal it asks for the tenant's id; elsewhere it wants --yes.

To look at a backup without touching the customer, make a new tenant of it.`,
		Example: `  stamp backup restore acme backup-3 --wait
  stamp tenant create acme-look --restore-from acme/backup-3 --blueprint helpdesk \
      --input admin_email=dana@acme.example --wait`,
	}, "restore", func(cmd *cobra.Command) error { return runRestore(cmd.Context(), o) })
	o.workFlags(cmd)
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	return cmd
}

func runRestore(ctx context.Context, o *options) error {
	if !o.yes {
		answer, err := o.Ask("This puts "+names.Short(o.name)+" in place of all data of "+o.tenant+". Type the tenant's id to go on:", "--yes")
		if err != nil {
			return err
		}
		if names.Tenant(answer) != o.tenant {
			return &exit.Error{Code: exit.Failure, Message: "that is not its id: nothing was done"}
		}
	}
	op := &longrunningpb.Operation{}
	body := &provisionerv1.RestoreBackupRequest{Name: o.name, RequestId: o.requestID}
	if err := o.client.Post(ctx, "/v1/"+o.name+":restore", nil, body, op); err != nil {
		return err
	}
	return o.finish(ctx, op)
}
