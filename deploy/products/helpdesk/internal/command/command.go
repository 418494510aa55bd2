// Package command is the command line: it reads flags and environment, puts the
// parts together and runs them.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"

	"stampworks.dev/deploy/products/helpdesk/internal/revision"
)

// Env is what a command may touch of the process.
type Env struct {
	Get      func(name string) string // environment variable
	Out, Err io.Writer
}

func (e Env) logger() *slog.Logger { return slog.New(slog.NewTextHandler(e.Err, nil)) }

// or gives the variable, or what stands in for it.
func (e Env) or(name, otherwise string) string {
	if v := e.Get(name); v != "" {
		return v
	}
	return otherwise
}

const usage = `helpdesk: a small ticket desk

  edge --listen A --upstream B    the front door: reverse proxy with access log
  app --listen A                  JSON API and web page (DATABASE_URL, QUEUE_URL, WORKER_TOKEN, CUSTOMER_NAME, TENANT_ID)
  worker [--check]                takes jobs from the queue (QUEUE_URL, APP_URL, WORKER_TOKEN)
  queue --listen A --store DIR    the queue: NATS with JetStream (QUEUE_TOKEN)
  migrate [--admin EMAIL]         role, database, schema, admin; repeatable (DATABASE_URL, DATABASE_ADMIN_URL)
  smoke [--app URL]               opens, answers, closes and removes a ticket (APP_URL, WORKER_TOKEN)
  admin reset                     gives the admin a new password and prints it (DATABASE_URL)
  backup FILE, restore FILE       a copy of a SQLite database (DATABASE_URL)
  version
`

// Run carries out one command line.
func Run(ctx context.Context, args []string, env Env) error {
	commands := map[string]func(context.Context, []string, Env) error{
		"edge": runEdge, "app": runApp, "worker": runWorker, "queue": runQueue,
		"migrate": runMigrate, "smoke": runSmoke, "admin": runAdmin,
		"backup": runBackup, "restore": runRestore, "version": runVersion,
	}
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		_, err := io.WriteString(env.Out, usage)
		return err
	}
	run, ok := commands[args[0]]
	if !ok {
		return fmt.Errorf("unknown command %q; helpdesk help lists them", args[0])
	}
	err := run(ctx, args[1:], env)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	return err
}

func runVersion(_ context.Context, _ []string, env Env) error {
	_, err := fmt.Fprintf(env.Out, "helpdesk %s (schema %d)\n", revision.Name, revision.Schema)
	return err
}

// parse reads flags; nothing may be left over beyond the wanted words.
func parse(fs *flag.FlagSet, args []string, env Env, words int) error {
	fs.SetOutput(env.Err)
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() != words {
		return fmt.Errorf("helpdesk %s takes %d words beside its flags, not %q", fs.Name(), words, fs.Args())
	}
	return nil
}
