// Command bench takes the measurements: a line of JSON for each result on
// standard output, progress on standard error. It fails when a mark is not kept.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"syscall"

	"stampworks.dev/test/bench/internal/bench"
	"stampworks.dev/test/bench/internal/engine"
	"stampworks.dev/test/bench/internal/isolation"
	"stampworks.dev/test/bench/internal/stamp"
)

// measurements in the order in which they are taken.
var measurements = slices.Concat(
	[]bench.Measurement{stamp.Lite(), stamp.Full()},
	isolation.Measurements(),
	[]bench.Measurement{engine.Thousand(), engine.TenThousand()},
)

// programs are what a measurement starts this program as, beside itself.
var programs = map[string]func(ctx context.Context, args []string) error{
	"fleet": func(ctx context.Context, _ []string) error { return engine.Serve(ctx, os.Stdin, os.Stdout) },
	"wall":  stamp.Wall,
}

func main() {
	only := flag.String("only", "", "take those with a result whose `name` matches this regular expression")
	flag.Parse()
	pick, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: -only:", err)
		os.Exit(2)
	}
	if err := run(pick); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(pick *regexp.Regexp) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if program := programs[flag.Arg(0)]; program != nil {
		return program(ctx, flag.Args()[1:])
	}
	return bench.Run(ctx, os.Stdout, slog.New(slog.NewTextHandler(os.Stderr, nil)), pick, measurements)
}
