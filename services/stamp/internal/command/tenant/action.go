package tenant

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/session"
)

type message = proto.Message

// actionOptions are a custom method on a tenant (AIP-136).
type actionOptions struct {
	changeOptions
	verb string
	body func() message
	// confirm asks before; nil asks nothing.
	confirm func() error
}

func newAction(s *session.Session, verb string) *actionOptions {
	return &actionOptions{changeOptions: changeOptions{Session: s}, verb: verb}
}

func (o *actionOptions) command(short, example string) *cobra.Command {
	cmd := &cobra.Command{
		Use: o.verb + " TENANT", Short: short, Example: example, Args: cobra.ExactArgs(1),
		ValidArgsFunction: complete.Tenants(o.Session),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = names.Tenant(args[0])
			if err := o.open(); err != nil {
				return err
			}
			return runAction(cmd.Context(), o)
		},
	}
	o.flags(cmd)
	o.etagFlag(cmd)
	return cmd
}

func runAction(ctx context.Context, o *actionOptions) error {
	if o.confirm != nil {
		if err := o.confirm(); err != nil {
			return err
		}
	}
	op := &longrunningpb.Operation{}
	if err := o.client.Post(ctx, "/v1/"+o.name+":"+o.verb, nil, o.body(), op); err != nil {
		return err
	}
	return o.finish(ctx, op)
}
