package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// process is a fleet that runs beside the measurement.
type process struct {
	t        testing.TB
	commands *json.Encoder
	answers  *json.Decoder
	state    fleetState // the last one
}

// startFleet starts this program again as a fleet; it ends with the measurement.
func startFleet(t testing.TB, cfg fleetConfig) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self, "fleet")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is the parent's
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	for _, err := range []error{inErr, outErr, cmd.Start()} {
		if err != nil {
			t.Fatalf("start fleet: %v", err)
		}
	}
	t.Cleanup(func() { endFleet(t, cmd, in) })
	p := &process{t: t, commands: json.NewEncoder(in), answers: json.NewDecoder(out)}
	if err := p.commands.Encode(cfg); err != nil {
		t.Fatalf("start fleet: %v", err)
	}
	p.read()
	return p
}

// endFleet lets it end by the end of its commands.
func endFleet(t testing.TB, cmd *exec.Cmd, in io.Closer) {
	_ = in.Close()
	late := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("end fleet: %v", err)
	}
}

// do gives a command and waits for its answer.
func (p *process) do(command string) fleetState {
	p.t.Helper()
	if err := p.commands.Encode(command); err != nil {
		p.t.Fatalf("tell fleet: %v", err)
	}
	return p.read()
}

func (p *process) read() fleetState {
	p.t.Helper()
	var s fleetState
	if err := p.answers.Decode(&s); err != nil {
		p.t.Fatalf("hear from fleet: %v", err)
	}
	p.state = s
	return s
}

// effects are the calls of verbs that change something.
func (s fleetState) effects() int {
	n := 0
	for _, verb := range []string{"Reserve", "Ensure", "Stop", "Destroy", "RunJob"} {
		n += s.Calls[verb]
	}
	return n
}

func (s fleetState) String() string {
	return fmt.Sprintf("cpu %v, memory %d MiB, calls %v", s.CPU.Round(time.Millisecond), s.Memory>>20, s.Calls)
}
