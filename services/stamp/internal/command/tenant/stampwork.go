package tenant

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
)

// stampOptions are work on a customer's copy that changes no wish.
type stampOptions struct {
	changeOptions
	reason string
}

func rotateCommand(s *session.Session) *cobra.Command {
	o := &stampOptions{changeOptions: changeOptions{Session: s}}
	cmd := &cobra.Command{
		Use:   "rotate-secret TENANT SECRET",
		Short: "Put a new value of a secret in place",
		Long: `Put a new value of a secret in place, in the way that its blueprint names: the job that
installs it is run, then what uses it is restarted. When that fails the old value is put back.`,
		Example: `  stamp tenant rotate-secret acme db_password --wait`,
		Args:    cobra.ExactArgs(2), ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = names.Tenant(args[0])
			return o.work(cmd.Context(), "rotateSecret", &provisionerv1.RotateSecretRequest{Name: o.name + "/stamp", Secret: args[1]})
		},
	}
	o.flags(cmd)
	return cmd
}

func repairCommand(s *session.Session) *cobra.Command {
	o := &stampOptions{changeOptions: changeOptions{Session: s}}
	cmd := &cobra.Command{
		Use:   "repair TENANT [COMPONENT]",
		Short: "Restart a component of a customer's copy, or all of it, and check that it serves",
		Example: `  stamp tenant repair acme app --reason "answers slowly" --wait
  stamp tenant repair acme`,
		Args: cobra.RangeArgs(1, 2), ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = names.Tenant(args[0])
			body := &provisionerv1.RepairStampRequest{Name: o.name + "/stamp", Reason: o.reason}
			if len(args) > 1 {
				body.Component = args[1]
			}
			return o.work(cmd.Context(), "repair", body)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.reason, "reason", "", "why, for the timeline")
	return cmd
}

func (o *stampOptions) work(ctx context.Context, verb string, body message) error {
	if err := o.open(); err != nil {
		return err
	}
	op := &longrunningpb.Operation{}
	if err := o.client.Post(ctx, "/v1/"+o.name+"/stamp:"+verb, nil, body, op); err != nil {
		return err
	}
	return o.finish(ctx, op)
}
