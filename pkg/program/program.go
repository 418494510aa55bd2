// Package program is the page that the mains of all services share: flags,
// configuration, telemetry, the service itself, and a run that ends with a
// signal.
//
//	func main() {
//		os.Exit(program.Main("gateway", gateway.Default(), func(ctx context.Context, cfg gateway.Config, d program.Deps) (lifecycle.Service, error) {
//			return gateway.New(ctx, cfg, gateway.Deps{Log: d.Log, Telemetry: d.Telemetry})
//		}))
//	}
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"stampworks.dev/pkg/config"
	"stampworks.dev/pkg/lifecycle"
	"stampworks.dev/pkg/telemetry"
)

// Version is set when linking: -X stampworks.dev/pkg/program.Version=v1.2.3.
var Version = "dev"

// Exit codes of a service's program.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

// flushWithin is how long telemetry may take to send what is left.
const flushWithin = 3 * time.Second

// Deps is what a program gives its service.
type Deps struct {
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry
}

// Start makes a service that listens already.
type Start[C any] func(ctx context.Context, cfg C, deps Deps) (lifecycle.Service, error)

// Main runs a service until SIGINT or SIGTERM and gives the exit code. cfg
// holds the defaults.
func Main[C any](name string, cfg C, start Start[C]) int {
	ctx, stop := lifecycle.SignalContext()
	defer stop()
	return run(ctx, name, cfg, start, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
}

func run[C any](ctx context.Context, name string, cfg C, start Start[C], args, env []string, out, errOut io.Writer) int {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(errOut)
	path := flags.String("config", "", "the configuration `FILE` (YAML)")
	verbose := flags.Bool("verbose", false, "log what is only of use when looking for a fault")
	version := flags.Bool("version", false, "print the version and end")
	flags.Usage = func() {
		_, _ = fmt.Fprintf(errOut, "Usage: %s --config FILE\n\n", name)
		flags.PrintDefaults()
		_, _ = fmt.Fprintf(errOut, "\nThe keys of the file, each also as a variable:\n\n%s", config.Describe(&cfg))
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	}
	if *version {
		_, _ = fmt.Fprintln(out, name, Version)
		return exitOK
	}
	if err := config.Load(*path, &cfg, env); err != nil {
		_, _ = fmt.Fprintf(errOut, "%s: %v\n", name, err)
		return exitUsage
	}
	level := slog.LevelInfo
	if *verbose {
		level = slog.LevelDebug
	}
	log := telemetry.NewLogger(errOut, level).With("service", name)
	if err := serve(ctx, name, cfg, start, log); err != nil {
		log.Error("ended", "error", err)
		return exitError
	}
	return exitOK
}

func serve[C any](ctx context.Context, name string, cfg C, start Start[C], log *slog.Logger) error {
	tel, err := telemetry.Setup(ctx, telemetry.Config{Service: name, Version: Version}, telemetry.Deps{Log: log})
	if err != nil {
		return err
	}
	defer func() {
		flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushWithin)
		defer cancel()
		if err := tel.Shutdown(flush); err != nil {
			log.Warn("telemetry was not sent in full", "error", err)
		}
	}()
	service, err := start(ctx, cfg, Deps{Log: log, Telemetry: tel})
	if err != nil {
		return err
	}
	return service.Run(ctx)
}
