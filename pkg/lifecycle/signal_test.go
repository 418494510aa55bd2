package lifecycle_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"stampworks.dev/pkg/lifecycle"
)

// TestMain turns this test binary into the process that the signal test
// sends signals to.
func TestMain(m *testing.M) {
	if os.Getenv("LIFECYCLE_TEST_CHILD") != "" {
		ctx, stop := lifecycle.SignalContext()
		defer stop()
		fmt.Println("up")
		<-ctx.Done()
		fmt.Println("stopping")
		select {}
	}
	os.Exit(m.Run()) //nolint:gocritic // the child never comes here
}

func TestSecondSignalEndsTheProcessAtOnce(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LIFECYCLE_TEST_CHILD=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	for _, want := range []string{"up", "stopping"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("got %q, want %q", lines.Text(), want)
		}
		// The default effect comes back just after the context ends, so the
		// second signal is repeated until it is not caught any more.
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	// One now and then: a storm of signals while the runtime gives one its
	// default effect back can end the child by a fault of the runtime's own.
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case err := <-done:
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
				t.Errorf("ended with %v, want death by SIGTERM", err)
			}
			return
		case <-again.C:
			_ = cmd.Process.Signal(syscall.SIGTERM)
		}
	}
}
