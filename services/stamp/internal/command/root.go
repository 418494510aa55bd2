package command

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"stampworks.dev/services/stamp/internal/command/apply"
	"stampworks.dev/services/stamp/internal/command/backup"
	"stampworks.dev/services/stamp/internal/command/blueprints"
	"stampworks.dev/services/stamp/internal/command/cell"
	"stampworks.dev/services/stamp/internal/command/complete"
	"stampworks.dev/services/stamp/internal/command/delivery"
	"stampworks.dev/services/stamp/internal/command/doctor"
	"stampworks.dev/services/stamp/internal/command/health"
	"stampworks.dev/services/stamp/internal/command/noun"
	"stampworks.dev/services/stamp/internal/command/operation"
	"stampworks.dev/services/stamp/internal/command/pki"
	"stampworks.dev/services/stamp/internal/command/ready"
	"stampworks.dev/services/stamp/internal/command/recovery"
	"stampworks.dev/services/stamp/internal/command/secrets"
	"stampworks.dev/services/stamp/internal/command/show"
	"stampworks.dev/services/stamp/internal/command/source"
	"stampworks.dev/services/stamp/internal/command/task"
	"stampworks.dev/services/stamp/internal/command/tenant"
	"stampworks.dev/services/stamp/internal/command/trace"
	"stampworks.dev/services/stamp/internal/command/version"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/session"
)

// Groups of commands, in the order of --help.
const (
	groupStart = "start"
	groupLook  = "look"
	groupKeep  = "keep"
)

// New puts the command line together. Machines are the commands that start
// something on this machine, which only main can link.
func New(s *session.Session, machines ...*cobra.Command) *cobra.Command {
	root := &cobra.Command{
		Use:   "stamp",
		Short: "Give each customer a private copy of your product",
		Long: `stamp gives each customer a private copy of your product, and tells how each one is.

It speaks to Stampworks at --addr or STAMP_ADDR, with --token or STAMP_TOKEN; without them it
takes those of the nearest .stamp/client.json, which "stamp dev" writes.`,
		Example: `  stamp dev --demo                          everything on this machine, with a first customer
  stamp source send --deal Globex           win a deal
  stamp show globex                         all about one customer
  stamp tenant list -o json                 for programs
  stamp ready                               can we take the next customer?`,
		Version:       s.Version,
		Args:          noun.Unknown,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return exit.Usagef("%v\n  see: %s --help", err, cmd.CommandPath())
	})
	globals(root, s)
	group(root, groupStart, "Start here:", append(machines, apply.Command(s), ready.Command(s), doctor.Command(s))...)
	group(root, groupLook, "Look:", show.Command(s), health.Command(s), trace.Command(s), operation.Command(s), delivery.Command(s))
	group(root, groupKeep, "Keep:", tenant.Command(s), task.Command(s), backup.Command(s), blueprints.Command(s), source.Command(s), cell.Command(s), pki.Command(s), secrets.Command(s), recovery.Command(s))
	root.AddCommand(version.Command(s))
	strict(root)
	return root
}

func globals(root *cobra.Command, s *session.Session) {
	flags := root.PersistentFlags()
	flags.StringVar(&s.Address, "addr", "", "the gateway's `URL` (default STAMP_ADDR, then .stamp/client.json)")
	flags.StringVar(&s.Token, "token", "", "the API `token` (default STAMP_TOKEN, then .stamp/client.json)")
	flags.StringVarP(&s.Output, "output", "o", "", "`form` of the data: table, wide, json, yaml, name; tenant list also csv (default table)")
	complete.Flags(root, s)
	flags.DurationVar(&s.Timeout, "timeout", 0, "how long to wait, with --wait (default 10m0s)")
}

func group(root *cobra.Command, id, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: id, Title: title})
	for _, c := range commands {
		c.GroupID = id
		root.AddCommand(c)
	}
}

// strict makes wrong arguments an error of usage, everywhere.
func strict(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			var known *exit.Error
			if err == nil || errors.As(err, &known) {
				return err
			}
			return exit.Usagef("%v\n  see: %s --help", err, cmd.CommandPath())
		}
	}
	for _, below := range c.Commands() {
		strict(below)
	}
}

// Run runs a command line and gives the exit code. What went wrong is told on
// stderr, with what to do next.
func Run(ctx context.Context, s *session.Session, root *cobra.Command, args []string) int {
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exit.OK
	}
	if words := exit.Message(err); words != "" {
		s.Say("stamp: %s", words)
	}
	return exit.Code(err)
}
