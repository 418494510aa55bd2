package isolation

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

//go:embed burner.yaml
var blueprint []byte

// burnerPackage is customer A's program.
const burnerPackage = "stampworks.dev/test/bench/internal/isolation/burner"

// plane is `stamp dev` with three customers: b, and two that use things up.
type plane struct {
	dir   string
	stamp string // the program
	dev   *exec.Cmd
	urls  map[string]string // of customers
}

// start makes all. What it started is ended when it fails.
func start(ctx context.Context, log *slog.Logger) (*plane, error) {
	p := &plane{urls: map[string]string{}}
	var err error
	if p.stamp, err = filepath.Abs("bin/stamp"); err != nil {
		return nil, err
	}
	if p.dir, err = os.MkdirTemp("", "bench-"); err != nil {
		return nil, err
	}
	if err = os.Chmod(p.dir, 0o711); err == nil {
		err = p.make(ctx, log)
	}
	if err != nil {
		return nil, errors.Join(err, p.end())
	}
	return p, nil
}

func (p *plane) make(ctx context.Context, log *slog.Logger) error {
	build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(p.dir, "burner"), burnerPackage)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build burner: %w\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "burner.yaml"), blueprint, 0o600); err != nil {
		return err
	}
	output, err := os.Create(filepath.Join(p.dir, "dev.log"))
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }() // the program has its own
	p.dev = exec.CommandContext(context.WithoutCancel(ctx), p.stamp, "dev", "--listen", "127.0.0.1:0", "--data-dir", "data")
	p.dev.Dir, p.dev.Stdout, p.dev.Stderr = p.dir, output, output
	if err := p.dev.Start(); err != nil {
		p.dev = nil
		return err
	}
	if err := p.ready(ctx); err != nil {
		return err
	}
	samples, err := filepath.Abs("deploy/products/helpdesk/blueprints/helpdesk-lite-1.0.0.yaml")
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		{"blueprint", "publish", samples},
		{"blueprint", "publish", "burner.yaml"},
		{"tenant", "create", "b", "--display-name", "B", "--blueprint", "helpdesk-lite", "--input", "admin_email=b@customer.example", "--wait"},
		{"tenant", "create", "limited", "--display-name", "A", "--blueprint", "burner", "--plan", "limited", "--wait"},
		{"tenant", "create", "unlimited", "--display-name", "A without limits", "--blueprint", "burner", "--plan", "unlimited", "--wait"},
	} {
		if _, err := p.command(ctx, args...); err != nil {
			return err
		}
	}
	for _, tenant := range []string{"b", "limited", "unlimited"} {
		if p.urls[tenant], err = p.url(ctx, tenant); err != nil {
			return err
		}
	}
	log.Info("customers are up", "urls", p.urls)
	return nil
}

// ready waits for the file by which the other commands find it.
func (p *plane) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := p.command(ctx, "tenant", "list")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for stamp dev: %w", err)
		case <-tick.C:
		}
	}
}

// command runs the CLI and gives what it says on standard output.
func (p *plane) command(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, p.stamp, args...)
	cmd.Dir = p.dir
	var words strings.Builder
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("stamp %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(words.String()))
	}
	return out, nil
}

func (p *plane) url(ctx context.Context, tenant string) (string, error) {
	text, err := p.command(ctx, "tenant", "get", tenant, "-o", "json")
	if err != nil {
		return "", err
	}
	var t struct{ Status struct{ URL string } }
	if err := json.Unmarshal(text, &t); err != nil {
		return "", err
	}
	return t.Status.URL, nil
}

// burn lets a customer begin to use something up, or end it. A program that has
// used up all there is may die of it, and comes back.
func (p *plane) burn(ctx context.Context, who, what string) error {
	at, there := p.urls[who]
	if !there {
		return nil // nobody
	}
	path := "/begin?what=" + what
	if what == "" {
		path = "/end"
	}
	ctx, cancel := context.WithTimeout(ctx, backWithin)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := post(ctx, at+path)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// backWithin is how long a program that died may be away.
const backWithin = 20 * time.Second

func post(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}

// end stops stamps and control plane, and removes all.
func (p *plane) end() error {
	var err error
	if p.dev != nil {
		err = p.dev.Process.Signal(syscall.SIGTERM)
		_ = p.dev.Wait() // how it ended does not matter
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, stopErr := p.command(ctx, "dev", "stop", "--data-dir", "data")
		err = errors.Join(err, stopErr)
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}
