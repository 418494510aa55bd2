package harness

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"stampworks.dev/pkg/testkit"
)

// CLI prepares the real `stamp` against the API.
func (a *API) CLI(args ...string) *exec.Cmd {
	a.t.Helper()
	cmd := exec.CommandContext(a.t.Context(), program(a.t, "stamp"), args...)
	cmd.Dir = Dir(a.t)
	cmd.Env = append(os.Environ(), "STAMP_ADDR="+a.Address, "STAMP_TOKEN="+a.Token, "TERM=vt100")
	return cmd
}

// Terminal is one at which somebody runs `stamp`.
type Terminal struct {
	t    testing.TB
	file *os.File
	cmd  *exec.Cmd
	done chan error

	mu   sync.Mutex
	said bytes.Buffer
}

// At runs `stamp` at a terminal of its own.
func (a *API) At(columns, rows uint16, args ...string) *Terminal {
	a.t.Helper()
	cmd := a.CLI(args...)
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: columns, Rows: rows})
	a.Must(err)
	t := &Terminal{t: a.t, file: file, cmd: cmd, done: make(chan error, 1)}
	a.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = file.Close() })
	go func() {
		_, _ = file.WriteTo(t) // a terminal ends with an error
		t.done <- cmd.Wait()
	}()
	return t
}

// Write takes what is said.
func (t *Terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.said.Write(p)
}

// Type types.
func (t *Terminal) Type(keys string) {
	t.t.Helper()
	if _, err := t.file.WriteString(keys); err != nil {
		t.t.Fatal(err)
	}
}

// Hears waits until something was said since the last time.
func (t *Terminal) Hears(want string, limit time.Duration) {
	t.t.Helper()
	testkit.Eventually(t.t, limit, func() error {
		t.mu.Lock()
		defer t.mu.Unlock()
		if at := strings.Index(t.said.String(), want); at >= 0 {
			t.said.Next(at + len(want))
			return nil
		}
		return &unheardError{want, t.said.String()}
	})
}

type unheardError struct{ want, said string }

func (e *unheardError) Error() string { return "heard " + e.said + "\nwant " + e.want }

// Kill kills `stamp` as kill -9 does.
func (t *Terminal) Kill() {
	t.t.Helper()
	if err := t.cmd.Process.Kill(); err != nil {
		t.t.Fatal(err)
	}
}

// Code waits for the end, and gives the exit code.
func (t *Terminal) Code(limit time.Duration) int {
	t.t.Helper()
	select {
	case err := <-t.done:
		t.t.Logf("stamp ended: %v", err)
		return t.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		t.t.Fatalf("stamp goes on; it said %s", t.said.String())
		return 0
	}
}
