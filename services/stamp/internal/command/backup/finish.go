package backup

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"

	provisionerv1 "stampworks.dev/proto/gen/go/stampworks/provisioner/v1"

	"stampworks.dev/services/stamp/internal/command/operation"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/progress"
	"stampworks.dev/services/stamp/internal/wait"
)

// finish prints the operation that was begun, or, having waited for it, the
// backup.
func (o *options) finish(ctx context.Context, op *longrunningpb.Operation) error {
	if !o.wait {
		if !op.GetDone() {
			o.Say("begun; look with: stamp operation wait %s", strings.TrimPrefix(op.GetName(), "operations/"))
		}
		return operation.Print(o.printer, op)
	}
	if err := wait.Started(ctx, o.Session, o.client, op); err != nil {
		return err
	}
	meta, err := progress.Metadata(op)
	if err != nil {
		return fmt.Errorf("read operation: %w", err)
	}
	made := &provisionerv1.Backup{}
	if err := o.client.Get(ctx, "/v1/"+meta.GetBackup(), nil, made); err != nil {
		return err
	}
	return printer.One(o.printer, view(o.printer.Now()), made)
}
