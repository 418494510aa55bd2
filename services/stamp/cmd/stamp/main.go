// Command stamp is the command line of Stampworks, and with `stamp dev` all of
// it in one process.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"stampworks.dev/services/stamp/internal/command"
	"stampworks.dev/services/stamp/internal/exit"
	"stampworks.dev/services/stamp/internal/session"
)

// version is set when it is built.
var version = "dev"

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := session.OfProcess(version)
	if err != nil {
		fmt.Fprintln(os.Stderr, "stamp:", err)
		return exit.Failure
	}
	return command.Run(ctx, s, command.New(s, machines()...), os.Args[1:])
}

// machines are the commands that start something on this machine. They alone
// link the services.
func machines() []*cobra.Command {
	return []*cobra.Command{
		// dev.Command(), demo.Command()
	}
}
