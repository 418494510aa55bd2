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
	"stampworks.dev/test/bench/internal/isolation"
)

// measurements in the order in which they are taken.
var measurements = slices.Concat(isolation.Measurements())

func main() {
	only := flag.String("only", "", "take those with a result whose `name` matches this regular expression")
	flag.Parse()
	pick, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: -only:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := bench.Run(ctx, os.Stdout, log, pick, measurements); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
