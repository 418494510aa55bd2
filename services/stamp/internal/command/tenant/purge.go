package tenant

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/anypb"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"
	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/command/operation"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
	"stampworks.dev/services/stamp/internal/wait"
)

type purgeOptions struct {
	changeOptions
	yes, force bool
	confirm    int32
}

func purgeCommand(s *session.Session) *cobra.Command {
	o := &purgeOptions{changeOptions: changeOptions{Session: s}}
	cmd := &cobra.Command{
		Use:   "purge TENANT",
		Short: "Destroy a deleted customer's copy and data, for good",
		Long: `Destroy a deleted customer's copy and data, for good. On a terminal it asks for the tenant's id;
elsewhere it wants --yes. The id is not used again. What was destroyed is in: stamp tenant receipt.

Too many purges within an hour are refused (PURGE_LIMIT); where they are meant, --confirm says how many
there will have been. After a purge that failed, --force ends even when something cannot be destroyed: that
is in the receipt.`,
		Example: `  stamp tenant delete acme --yes --wait && stamp tenant purge acme --wait
  stamp tenant purge acme --yes --confirm 4
  stamp tenant purge acme --force --wait`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = names.Tenant(args[0])
			if err := o.open(); err != nil {
				return err
			}
			return runPurge(cmd.Context(), o)
		},
	}
	o.flags(cmd)
	o.etagFlag(cmd)
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&o.force, "force", false, "end even when something cannot be destroyed; only after a purge that failed")
	cmd.Flags().Int32Var(&o.confirm, "confirm", 0, "the `number` of purges in this hour that PURGE_LIMIT names")
	return cmd
}

func runPurge(ctx context.Context, o *purgeOptions) error {
	if !o.yes {
		answer, err := o.Ask("This destroys all data of "+o.name+". Type the tenant's id to go on:", "--yes")
		if err != nil {
			return err
		}
		if names.Tenant(answer) != o.name {
			return &exit.Error{Code: exit.Failure, Message: "that is not its id: nothing was done"}
		}
	}
	op := &longrunningpb.Operation{}
	body := &registryv1.PurgeTenantRequest{Name: o.name, Etag: o.etag, Force: o.force, ConfirmCount: o.confirm}
	if err := o.client.Post(ctx, "/v1/"+o.name+":purge", nil, body, op); err != nil {
		return err
	}
	if !o.wait {
		return o.finish(ctx, op)
	}
	return o.await(ctx, op)
}

// await waits until it is destroyed. Its operations may go with the tenant:
// then gone is what was waited for.
func (o *purgeOptions) await(ctx context.Context, op *longrunningpb.Operation) error {
	final, err := wait.For(ctx, o.Session, o.client, op.GetName())
	var problem *client.Problem
	if errors.As(err, &problem) && problem.Status == http.StatusNotFound {
		o.Say("%s is destroyed", o.name)
		return nil
	}
	if err != nil {
		return err
	}
	if op.Metadata, err = anypb.New(final); err != nil {
		return fmt.Errorf("encode operation: %w", err)
	}
	op.Done = true
	return operation.Print(o.printer, op)
}
