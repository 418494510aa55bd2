// Command stamp is the command line of Stampworks, and with `stamp dev` all of
// it in one process.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"stampworks.dev/services/stamp/internal/command"
	"stampworks.dev/services/stamp/internal/demo"
	"stampworks.dev/services/stamp/internal/dev"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/session"
)

// version is set when it is built.
var version = "dev"

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
	s, err := session.OfProcess(version)
	if err != nil {
		fmt.Fprintln(os.Stderr, "stamp:", err)
		return exit.Failure
	}
	// These two start services on this machine. They alone link them.
	return command.Run(ctx, s, command.New(s, dev.Command(version), demo.Command(s)), os.Args[1:])
}
