package harness

import (
	"errors"
	"os"
	"os/exec"
)

// Stamp runs the command line against the plane's gateway, and gives what it
// printed.
func (p *Plane) Stamp(args ...string) string {
	p.T.Helper()
	out, err := p.stamp(args)
	if err != nil {
		p.T.Fatalf("stamp %v: %v\n%s", args, err, out)
	}
	return out
}

// StampFails is Stamp for a command that is to fail.
func (p *Plane) StampFails(args ...string) string {
	p.T.Helper()
	out, err := p.stamp(args)
	var exited *exec.ExitError
	if !errors.As(err, &exited) {
		p.T.Fatalf("stamp %v ended with %v, want it to fail\n%s", args, err, out)
	}
	return out
}

func (p *Plane) stamp(args []string) (string, error) {
	cmd := exec.CommandContext(p.T.Context(), program(p.T, "stamp"), args...)
	cmd.Dir, cmd.Env = p.Dir, append(os.Environ(), "STAMP_ADDR="+p.API.Address, "STAMP_TOKEN="+p.API.Token)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Lose removes all that the server ever kept. It must not run.
func (e *Etcd) Lose() {
	e.t.Helper()
	if err := os.RemoveAll(e.data); err != nil {
		e.t.Fatalf("lose etcd's data: %v", err)
	}
}
