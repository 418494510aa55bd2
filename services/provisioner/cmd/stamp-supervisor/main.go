// Command stamp-supervisor keeps the processes of one stamp running. The
// provisioner's local driver starts it; people need it only to look:
//
//	stamp-supervisor launch DIR   start one for the stamp in DIR, in the background
//	stamp-supervisor run DIR      be one, in the foreground
//	stamp-supervisor exec         become a stamp's process (internal)
//	stamp-supervisor ask nobody|self PROGRAM
//	                              become PROGRAM --version (internal)
//	stamp-supervisor probe user|view UID
//	                              try what stamps can have of their own
//	stamp-supervisor version      print the version of the protocol
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/supervisor"
	"stampworks.dev/services/provisioner/driver/local/trampoline"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "stamp-supervisor:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	switch {
	case len(args) == 1 && args[0] == "exec":
		return trampoline.Exec()
	case len(args) == 3 && args[0] == "ask":
		return trampoline.Ask(args[2], args[1])
	case len(args) == 1 && args[0] == "version":
		_, err := fmt.Println(control.Version)
		return err
	case len(args) == 3 && args[0] == "probe":
		return supervisor.Probe(args[1], args[2], program)
	case len(args) == 2 && args[0] == "launch":
		return supervisor.Launch(args[1], program)
	case len(args) == 2 && args[0] == "run":
		return supervise(args[1], program)
	}
	return fmt.Errorf("usage: stamp-supervisor launch DIR | run DIR | probe user|view UID | version")
}

func supervise(dir, program string) error {
	tell := supervisor.Launched()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ready := false
	err := supervisor.Run(ctx, dir, program, log, func() { ready = true; tell(nil) })
	if !ready {
		tell(err)
	}
	return err
}
