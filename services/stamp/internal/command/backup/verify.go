package backup

import (
	"context"
	"net/url"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
)

func verifyCommand(s *session.Session) *cobra.Command {
	o := &options{Session: s}
	cmd := &cobra.Command{
		Use:   "verify TENANT [BACKUP]",
		Short: "Try a backup in a throw-away copy, which is destroyed afterwards",
		Long: `Try a backup, or the newest one, in a throw-away copy: it is brought back there, the present revision's
migrations and smoke checks are run on it, and the copy is destroyed. The customer's own copy has no part in it, and
nobody else reaches the other one. What came of it is kept with the backup, and shown by "stamp backup list".

The throw-away copy needs as much room in the cell as the customer's own, and its workers run: they find the work
that the backup holds.`,
		Example: `  stamp backup verify acme --wait
  stamp backup verify acme backup-3 --wait`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: complete.Backups(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.client, o.printer, err = o.Open(); err != nil {
				return err
			}
			return runVerify(cmd.Context(), o, args)
		},
	}
	o.workFlags(cmd)
	return cmd
}

func runVerify(ctx context.Context, o *options, args []string) (err error) {
	if o.name = names.Backup(args...); o.name == "" {
		if len(args) > 1 {
			return exit.Usagef("%q is no backup\n  see them with: stamp backup list %s", args[1], args[0])
		}
		if o.name, err = o.newest(ctx, names.Tenant(args[0])); err != nil {
			return err
		}
	}
	op := &longrunningpb.Operation{}
	body := &provisionerv1.VerifyBackupRequest{Name: o.name, RequestId: o.requestID}
	if err := o.client.Post(ctx, "/v1/"+o.name+":verify", nil, body, op); err != nil {
		return err
	}
	return o.finish(ctx, op)
}

// newest is the name of a tenant's newest backup.
func (o *options) newest(ctx context.Context, tenant string) (string, error) {
	list := &provisionerv1.ListBackupsResponse{}
	if err := o.client.Get(ctx, "/v1/"+tenant+"/backups", url.Values{"page_size": {"1"}}, list); err != nil {
		return "", err
	}
	if len(list.GetBackups()) == 0 {
		id := strings.TrimPrefix(tenant, "tenants/")
		return "", &exit.Error{Code: exit.NotFound, Message: id + " has no backup: make one with: stamp backup create " + id}
	}
	return list.GetBackups()[0].GetName(), nil
}
