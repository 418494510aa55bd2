package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stopWithin is how long a program may take to end when it is asked to.
const stopWithin = 20 * time.Second

// shownLog is how much of a log's end a failed test prints, in bytes.
const shownLog = 3 << 10

// Process is a program that runs beside the test, with its output in a file.
// Not safe for concurrent use.
type Process struct {
	t    testing.TB
	name string
	path string
	args []string
	dir  string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when cmd was waited for
}

// newProcess prepares a program whose output goes to dir/name.log.
func newProcess(t testing.TB, dir, name, path string, args ...string) *Process {
	p := &Process{t: t, name: name, path: path, args: args, dir: dir, log: filepath.Join(dir, name+".log")}
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() && p.cmd != nil {
			t.Logf("end of the log of %s:\n%s", name, p.LogTail(shownLog))
		}
	})
	return p
}

// Start starts it; it is in a process group of its own.
func (p *Process) Start() {
	p.t.Helper()
	if p.Running() {
		return
	}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatalf("start %s: %v", p.name, err)
	}
	defer func() { _ = out.Close() }()
	p.cmd = exec.CommandContext(context.WithoutCancel(p.t.Context()), p.path, p.args...)
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.dir, environment(), out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.name, err)
	}
	p.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait()
		close(done)
	}(p.cmd, p.done)
}

// environment is this process's, without what configures our programs: a
// config file says everything.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "STAMPWORKS_") || strings.HasPrefix(entry, "STAMP_") || strings.HasPrefix(entry, "OTEL_")
	})
}

// Running tells whether it was started and has not ended.
func (p *Process) Running() bool {
	if p.done == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// PID is the process's id; zero before the first start.
func (p *Process) PID() int {
	if p.cmd == nil || p.cmd.Process == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// Kill ends it as kill -9 does, with its whole group, and waits until it is gone.
func (p *Process) Kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
}

// Freeze stops it where it is, as one that hangs, without what it started; Thaw
// lets it go on.
func (p *Process) Freeze() {
	p.t.Helper()
	p.send(syscall.SIGSTOP)
}

// Thaw lets it go on after Freeze.
func (p *Process) Thaw() {
	p.t.Helper()
	p.send(syscall.SIGCONT)
}

func (p *Process) send(s syscall.Signal) {
	p.t.Helper()
	if err := syscall.Kill(p.cmd.Process.Pid, s); err != nil {
		p.t.Fatalf("send %v to %s: %v", s, p.name, err)
	}
}

// Stop asks it to end, and kills it when it does not.
func (p *Process) Stop() {
	p.t.Helper()
	if !p.Running() {
		return
	}
	if !p.signal(syscall.SIGTERM) {
		p.t.Errorf("%s did not end within %v of SIGTERM", p.name, stopWithin)
		p.Kill()
	}
}

// signal tells whether it ended in time.
func (p *Process) signal(s syscall.Signal) bool {
	if !p.Running() {
		return true
	}
	if err := syscall.Kill(-p.cmd.Process.Pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		p.t.Errorf("end %s: %v", p.name, err)
	}
	select {
	case <-p.done:
		return true
	case <-time.After(stopWithin):
		return false
	}
}

// Alive is an error when it has ended by itself, with the end of its log.
func (p *Process) Alive() error {
	if p.done == nil || p.Running() {
		return nil
	}
	return fmt.Errorf("%s ended: %s\n%s", p.name, p.cmd.ProcessState, p.LogTail(1<<10))
}

// LogTail gives the last bytes of its output.
func (p *Process) LogTail(size int) string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	if len(text) > size {
		text = text[len(text)-size:]
		if _, whole, found := bytes.Cut(text, []byte("\n")); found {
			text = whole
		}
	}
	return string(text)
}
