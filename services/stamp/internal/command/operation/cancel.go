package operation

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	typev1 "stampworks.dev/proto/gen/go/stampworks/type/v1"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
	"stampworks.dev/services/stamp/internal/wait"
)

type cancelOptions struct {
	*session.Session
	client  *client.Client
	printer *printer.Printer
	name    string
	wait    bool
}

func cancelCommand(s *session.Session) *cobra.Command {
	o := &cancelOptions{Session: s}
	cmd := &cobra.Command{
		Use:   "cancel OPERATION",
		Short: "End an operation at its next step",
		Long: `End an operation at its next step: never inside a migration or a restore. What was done is left as
it is, and nothing of it is taken up again until "stamp tenant retry" or a new wish. An upgrade that
has closed the customer's address goes back first, and a rotation that has begun puts the old value
back: nobody is left outside.

With --wait it ends when the operation has. Exit code 1: it had ended before it could be cancelled.`,
		Example: `  stamp operation cancel acme.7 --wait
  stamp operation cancel acme.backup-3
  stamp operation cancel acme            the newest of a tenant that has not ended`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.OpenOperations(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			if o.name, err = open(cmd.Context(), o.client, args[0]); err != nil {
				return err
			}
			return runCancel(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.wait, "wait", false, "wait until it has ended, and show the steps")
	return cmd
}

// open finds the operation that is meant: of a tenant alone the newest that has
// not ended, be it a change or a backup.
func open(ctx context.Context, c *client.Client, text string) (string, error) {
	if strings.Contains(text, ".") {
		return names.Operation(text), nil
	}
	list := &longrunningpb.ListOperationsResponse{}
	query := url.Values{"filter": {fmt.Sprintf("metadata.tenant=%q", names.Tenant(text))}}
	if err := client.List(ctx, c, "/v1/operations", query, true, list); err != nil {
		return "", err
	}
	of := names.Operation(names.Short(names.Tenant(text))) + "."
	for _, op := range list.GetOperations() { // the newest first
		if !op.GetDone() && strings.HasPrefix(op.GetName(), of) {
			return op.GetName(), nil
		}
	}
	return Name(ctx, c, text)
}

func runCancel(ctx context.Context, o *cancelOptions) error {
	short := strings.TrimPrefix(o.name, "operations/")
	if err := o.client.Post(ctx, "/v1/"+o.name+":cancel", nil, &longrunningpb.CancelOperationRequest{}, nil); err != nil {
		return ended(err, short)
	}
	if !o.wait {
		o.Say("asked to end at its next step; look with: stamp operation wait %s", short)
	} else if err := o.cancelled(ctx, short); err != nil {
		return err
	}
	op := &longrunningpb.Operation{}
	if err := o.client.Get(ctx, "/v1/"+o.name, nil, op); err != nil {
		return err
	}
	return Print(o.printer, op)
}

// cancelled waits until the operation has ended, as it was asked to.
func (o *cancelOptions) cancelled(ctx context.Context, short string) error {
	final, err := wait.For(ctx, o.Session, o.client, o.name)
	switch final.GetState() {
	case typev1.OperationMetadata_CANCELLED:
		o.Say("%s was cancelled; take it up again with: stamp tenant retry %s", short, strings.TrimPrefix(final.GetTenant(), "tenants/"))
		return nil
	case typev1.OperationMetadata_SUCCEEDED:
		return &exit.Error{Code: exit.Failure, Message: short + " was done before it could be cancelled"}
	}
	return err
}

// ended says what to look for when the operation is over already.
func ended(err error, short string) error {
	var problem *client.Problem
	if !errors.As(err, &problem) || problem.Reason != "OPERATION_DONE" {
		return err
	}
	tenant, _, _ := strings.Cut(short, ".")
	return &exit.Error{Code: exit.Failure, Message: err.Error(), Next: "see which are open with: stamp operation list --tenant " + tenant}
}
