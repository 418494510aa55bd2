// Package task is the command `stamp task`: named commands of the product, run in
// a customer's copy.
package task

import (
	"context"

	"github.com/spf13/cobra"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/names"
	"stampworks.dev/services/stamp/internal/printer"
	"stampworks.dev/services/stamp/internal/session"
)

type options struct {
	*session.Session
	client   *client.Client
	printer  *printer.Printer
	filter   string
	parallel int
	wait     bool
}

// Command is `stamp task`.
func Command(s *session.Session) *cobra.Command {
	o := &options{Session: s}
	cmd := &cobra.Command{
		Use:   "task TENANT [TASK]",
		Short: "Run a task of the product in a customer's copy, or list what there is",
		Long: `Run a task of the product in a customer's copy: a named command that its blueprint has for support
and for the DBA. Each task says which role may run it; who ran it, and when, is in the timeline.

A task that talks with a person, such as psql, gets your terminal, or what you pipe into it. Ctrl-C
goes to the task; its exit code becomes this command's. It ends with the connection, when nobody
says anything for half an hour, and when the customer's copy is stopped or changed.

With --filter it runs for every customer for which that holds, several at a time, and tells each
result. Copies that cannot run it are SKIPPED: their blueprint has no such task, or they do not run.
Exit code 5: it failed for one of them; 6: it was run for none.`,
		Example: `  stamp task acme                                       which are there?
  stamp task acme reset-admin --wait
  stamp task acme psql                                  talk with the database
  stamp task acme psql < report.sql > report.txt
  stamp task --filter 'plan = "standard"' reset-admin   for many
  stamp task --filter 'blueprint = "helpdesk" AND state = ACTIVE' reset-admin`,
		Args: cobra.RangeArgs(1, 2), ValidArgsFunction: complete.Tenants(s),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.client, o.printer, err = s.Open(); err != nil {
				return err
			}
			return run(cmd.Context(), o, args)
		},
	}
	cmd.Flags().StringVar(&o.filter, "filter", "", "for all customers for which it holds (AIP-160), in place of TENANT")
	cmd.Flags().IntVar(&o.parallel, "parallel", 8, "for how many customers at a time, with --filter")
	cmd.Flags().BoolVar(&o.wait, "wait", false, "wait until it is done, and print what it printed")
	return cmd
}

func run(ctx context.Context, o *options, args []string) error {
	switch {
	case o.filter != "" && len(args) == 2:
		return exit.Usagef("--filter chooses the customers: give only the TASK")
	case o.filter != "" && (o.parallel < 1 || o.parallel > 64):
		return exit.Usagef("--parallel %d: want 1 to 64", o.parallel)
	case o.filter != "":
		return runMany(ctx, o, args[0])
	case len(args) == 1:
		return list(ctx, o, names.Tenant(args[0]))
	}
	return runOne(ctx, o, names.Tenant(args[0]), args[1])
}
