package scripts

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"stampworks.dev/services/stamp/internal/client"
	"stampworks.dev/services/stamp/internal/command"
	"stampworks.dev/services/stamp/internal/session"
)

var update = flag.Bool("update", false, "update the goldens in the scripts")

// now is ten minutes after everything in the scripts.
var now = time.Date(2026, 3, 1, 9, 10, 0, 0, time.UTC)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"stamp": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		s, err := session.OfProcess("1.2.3")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		s.Now, s.Interactive = func() time.Time { return now }, os.Getenv("AT_A_TERMINAL") != ""
		os.Exit(command.Run(ctx, s, command.New(s), os.Args[1:]))
	}})
}

type gatewayKey struct{}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			g := startGateway(env.WorkDir)
			env.Defer(g.Close)
			env.Values[gatewayKey{}] = g
			env.Setenv("STAMP_ADDR", g.URL)
			env.Setenv("STAMP_TOKEN", "secret")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code, "asked": asked, "assume": assume},
	})
}

// code runs a command that must end with a code.
func code(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: code CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		got = ended.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("%v ended with %d, want %d", args[1:], got, want)
	}
}

// assume writes what stamp dev --demo notes for the commands of a folder.
func assume(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: assume SOURCE BLUEPRINT")
	}
	ts.Check(client.Write(ts.Getenv("WORK"), client.File{Address: ts.Getenv("STAMP_ADDR"), Source: args[0], Blueprint: args[1]}))
}

// asked waits until the gateway was asked something.
func asked(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: asked METHOD PATH")
	}
	g, _ := ts.Value(gatewayKey{}).(*gateway)
	deadline := time.After(10 * time.Second)
	for {
		g.mu.Lock()
		n, more := g.counts[args[0]+" "+args[1]], g.asked
		g.mu.Unlock()
		if n > 0 {
			return
		}
		select {
		case <-more:
		case <-deadline:
			ts.Fatalf("the gateway was never asked %v", args)
		}
	}
}
