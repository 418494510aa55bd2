package tenant

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/operation"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
	"stampworks.dev/services/stamp/internal/wait"
)

// changeOptions are what all changes of a tenant have.
type changeOptions struct {
	*session.Session
	client  *client.Client
	printer *printer.Printer
	// name of the tenant, "tenants/acme"; a creation may leave it open.
	name string
	etag string
	wait bool
}

func (o *changeOptions) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.wait, "wait", false, "wait until it is done, and show the steps")
}

func (o *changeOptions) etagFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.etag, "etag", "", "change only what you saw: the `etag` of \"tenant get\"")
}

// open finds the gateway and the form of the data.
func (o *changeOptions) open() (err error) {
	o.client, o.printer, err = o.Open()
	return err
}

// finish prints the operation that a change began, or, having waited for it,
// the tenant.
func (o *changeOptions) finish(ctx context.Context, op *longrunningpb.Operation) error {
	if !o.wait || op.GetName() == "" {
		if !op.GetDone() {
			o.Say("begun; look with: stamp operation wait %s", shortOperation(op.GetName()))
		}
		return operation.Print(o.printer, op)
	}
	if err := wait.Started(ctx, o.Session, o.client, op); err != nil {
		return err
	}
	tenant := &registryv1.Tenant{}
	if err := o.client.Get(ctx, "/v1/"+tenantOf(op, o.name), nil, tenant); err != nil {
		return err
	}
	return printer.One(o.printer, view(o.printer.Now()), tenant)
}
