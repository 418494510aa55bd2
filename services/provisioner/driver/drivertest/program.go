package drivertest

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ProgramName is what the suite's program is called in its artifact.
const ProgramName = "suite"

// Main is the TestMain of a package that calls Run: started under the name
// ProgramName, the test binary is the suite's program. It gives the exit code.
func Main(m *testing.M) int {
	if strings.HasSuffix(os.Args[0], "/"+ProgramName) {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		return Program(ctx, os.Args[1:], os.Getenv, os.Stdout)
	}
	return m.Run()
}

// Program carries out one command of the suite and gives its exit code:
//
//	serve LINE…     prints the lines, then waits to be told to end
//	exit N LINE…    prints the lines and exits
//	env NAME        prints a variable
//	unique          prints a line that is never the same
//	put FILE TEXT   writes a file, and the directories above it
//	get FILE        prints a file; without one it exits 1
//	hang            takes no notice of being told to end
//	wait AT KEY END writes AT, waits for KEY to be there, and writes END
func Program(ctx context.Context, args []string, getenv func(string) string, out io.Writer) int {
	if len(args) == 0 {
		return 64
	}
	code, rest := 0, args[1:]
	switch args[0] {
	case "serve":
	case "exit":
		n, err := strconv.Atoi(rest[0])
		if err != nil {
			return 64
		}
		code, rest = n, rest[1:]
	case "env":
		rest = []string{getenv(rest[0])}
	case "unique":
		rest = []string{fmt.Sprintf("%d-%d", os.Getpid(), time.Now().UnixNano())}
	case "put":
		if os.MkdirAll(filepath.Dir(rest[0]), 0o700) != nil || os.WriteFile(rest[0], []byte(rest[1]), 0o600) != nil {
			return 73
		}
		rest = nil
	case "get":
		text, err := os.ReadFile(rest[0])
		if err != nil {
			return 1
		}
		rest = []string{string(text)}
	case "wait":
		return wait(ctx, rest[0], rest[1], rest[2])
	case "hang":
		time.Sleep(time.Hour)
	default:
		return 64
	}
	for _, line := range rest {
		if _, err := fmt.Fprintln(out, line); err != nil {
			return 74
		}
	}
	if args[0] == "serve" {
		<-ctx.Done()
	}
	return code
}

// wait looks for the key every 10 ms.
func wait(ctx context.Context, at, key, end string) int {
	if os.WriteFile(at, nil, 0o600) != nil {
		return 73
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return 1
		case <-tick.C:
		}
		if _, err := os.Stat(key); err == nil {
			break
		}
	}
	if os.WriteFile(end, nil, 0o600) != nil {
		return 73
	}
	return 0
}
