package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"stampworks.dev/services/stamp/internal/client"
)

// haltWithin is how long all stamps may take to stop.
const haltWithin = 2 * time.Minute

// startWithin is how long a control plane may take to be ready.
const startWithin = 30 * time.Second

// plane is a control plane that runs as a process of its own, so that it can
// be killed like one.
type plane struct {
	dir    string
	errOut io.Writer
	cmd    *exec.Cmd
	client *client.Client
}

// startPlane runs `stamp dev` in a folder on a free port, and waits until it
// is ready.
func startPlane(ctx context.Context, dir string, errOut io.Writer) (*plane, error) {
	p := &plane{dir: dir, errOut: errOut}
	err := p.start(ctx)
	return p, err
}

func (p *plane) data() string { return filepath.Join(p.dir, "data") }

func (p *plane) start(ctx context.Context) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	// A file of an earlier run would be taken for this one's.
	_ = os.Remove(filepath.Join(p.dir, ".stamp", "client.json"))
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), program, "dev",
		"--listen", "127.0.0.1:0", "--data-dir", p.data(), "--token-file", filepath.Join(p.dir, "token"))
	p.cmd.Dir, p.cmd.Stderr = p.dir, p.errOut
	// An interrupt at the terminal is for the proof, which then ends this.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start control plane: %w", err)
	}
	return p.await(ctx)
}

// await waits for a ready control plane and makes its client.
func (p *plane) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	none := func(string) string { return "" }
	return until(ctx, "the control plane is ready", func(ctx context.Context) error {
		cfg, err := client.Locate(client.Config{}, none, p.dir)
		if err != nil {
			return err
		}
		p.client = client.New(cfg)
		resp, err := p.client.Raw(ctx, "GET", "/readyz", nil, nil, "*/*")
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
}

// kill ends it as kill -9 does, and waits until it is gone.
func (p *plane) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.cmd = nil
}

// end stops the control plane and then every stamp.
func (p *plane) end() {
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.cmd.Wait()
	}
	program, err := os.Executable()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), haltWithin)
	defer cancel()
	stop := exec.CommandContext(ctx, program, "dev", "stop", "--data-dir", p.data())
	stop.Stderr = p.errOut
	_ = stop.Run()
}

// pollEvery is how often a condition is looked at.
const pollEvery = 25 * time.Millisecond

// until waits for a condition; what it waited for and what it last saw are in
// the error.
func until(ctx context.Context, what string, check func(context.Context) error) error {
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, errors.Join(err, context.Cause(ctx)))
		case <-time.After(pollEvery):
		}
	}
}

// within is until with a limit.
func within(ctx context.Context, limit time.Duration, what string, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return until(ctx, what, check)
}
