// Command helpdesk is a small ticket desk: every component of the product in
// one program, a subcommand each. `helpdesk help` lists them.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"stampworks.dev/deploy/products/helpdesk/internal/command"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := command.Run(ctx, os.Args[1:], command.Env{Get: os.Getenv, Out: os.Stdout, Err: os.Stderr}); err != nil {
		fmt.Fprintln(os.Stderr, "helpdesk:", err)
		return 1
	}
	return 0
}
