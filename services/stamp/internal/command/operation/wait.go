package operation

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/spf13/cobra"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
	"stampworks.dev/services/stamp/internal/wait"
)

type waitOptions struct {
	*session.Session
	client  *client.Client
	printer *printer.Printer
	name    string
}

func waitCommand(s *session.Session) *cobra.Command {
	o := &waitOptions{Session: s}
	return &cobra.Command{
		Use:   "wait OPERATION",
		Short: "Wait until an operation ends, and show its steps",
		Long: `Wait until an operation ends, and show its steps: in place on a terminal, a line for each step
elsewhere. Ctrl-C ends the waiting, never the operation. Exit codes: 3 not done within --timeout,
5 the operation failed.`,
		Example: `  stamp operation wait acme.1
  stamp operation wait acme --timeout 2m`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete.OpenOperations(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			if o.name, err = Name(cmd.Context(), o.client, args[0]); err != nil {
				return err
			}
			return runWait(cmd.Context(), o)
		},
	}
}

func runWait(ctx context.Context, o *waitOptions) error {
	if _, err := wait.For(ctx, o.Session, o.client, o.name); err != nil {
		return err
	}
	op := &longrunningpb.Operation{}
	if err := o.client.Get(ctx, "/v1/"+o.name, nil, op); err != nil {
		return err
	}
	return Print(o.printer, op)
}
