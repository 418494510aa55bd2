package tenant

import (
	"cmp"
	"context"
	"fmt"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	registryv1 "stampworks.dev/proto/gen/go/stampworks/registry/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/operation"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/progress"
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
	// settled says why there was nothing to do; empty is that all is as wished.
	settled string
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
	switch settled := op.GetDone() && op.GetError() == nil; {
	case op.GetName() == "":
		return o.checked(op)
	case settled:
		o.Say("no work for the copy: %s", cmp.Or(o.settled, "it is as wished"))
		if !o.wait && !o.printer.ForPeople() {
			return operation.Print(o.printer, op)
		}
	case !o.wait:
		o.Say("%s", begun(op))
		return operation.Print(o.printer, op)
	default:
		if err := wait.Started(ctx, o.Session, o.client, op); err != nil {
			return err
		}
	}
	return o.show(ctx, op)
}

// begun says what to look at. A change that is none for the copy begins nothing:
// after one that failed, that is still the last.
func begun(op *longrunningpb.Operation) string {
	short := shortOperation(op.GetName())
	if meta, err := progress.Metadata(op); err == nil && meta.GetEndTime() != nil {
		return fmt.Sprintf("written; nothing was begun, and %s is as it was: stamp operation get %s", short, short)
	}
	return "begun; look with: stamp operation wait " + short
}

// checked is the end of what wrote nothing: the operation, which is none, is for
// programs only.
func (o *changeOptions) checked(op *longrunningpb.Operation) error {
	o.Say("all is well; nothing was written")
	if o.printer.ForPeople() || o.printer.Format == printer.Name {
		return nil
	}
	return operation.Print(o.printer, op)
}

// show prints the tenant of an operation.
func (o *changeOptions) show(ctx context.Context, op *longrunningpb.Operation) error {
	tenant := &registryv1.Tenant{}
	if err := o.client.Get(ctx, "/v1/"+tenantOf(op, o.name), nil, tenant); err != nil {
		return err
	}
	return printer.One(o.printer, view(o.printer.Now()), tenant)
}
