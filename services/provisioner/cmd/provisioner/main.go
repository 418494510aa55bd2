// Command provisioner is one replica of the provisioner.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"stampworks.dev/pkg/config"
	"stampworks.dev/pkg/lifecycle"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/services/provisioner"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := lifecycle.SignalContext()
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "provisioner:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("provisioner", flag.ContinueOnError)
	file := flags.String("config", "", "configuration `file`; without it, defaults and STAMPWORKS_* variables")
	showVersion := flags.Bool("version", false, "print the version and end")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *showVersion {
		fmt.Println("provisioner", version)
		return nil
	}
	cfg := provisioner.Default()
	if err := config.Load(*file, &cfg, os.Environ()); err != nil {
		return err
	}
	log := telemetry.NewLogger(os.Stderr, nil)
	reporting, err := telemetry.Setup(ctx, telemetry.Config{Service: provisioner.Name, Version: version}, telemetry.Deps{Log: log})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := reporting.Shutdown(ctx); err != nil {
			log.Warn("shut down telemetry", "error", err)
		}
	}()
	service, err := provisioner.New(ctx, cfg, provisioner.Deps{
		Log: log, Telemetry: reporting, Kinds: map[string]provisioner.Open{"local": provisioner.OpenLocal},
	})
	if err != nil {
		return err
	}
	log.Info("serving", "address", service.Addr(), "admin", service.AdminAddr(), "version", version)
	return service.Run(ctx)
}
