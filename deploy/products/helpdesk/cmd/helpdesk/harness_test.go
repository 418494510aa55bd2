package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binaries are both revisions, built once: revision → path.
var binaries = map[string]string{}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "helpdesk")
	if err == nil {
		err = build(dir)
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

func build(dir string) error {
	for rev, tags := range map[string]string{"1.0.0": "", "1.1.0": "helpdesk_1_1"} {
		binaries[rev] = filepath.Join(dir, "helpdesk-"+rev)
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-tags", tags, "-o", binaries[rev], ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", rev, err, out)
		}
	}
	return nil
}

// product is one running copy of the desk.
type product struct {
	t                   *testing.T
	rev                 string
	env                 []string
	app, edge, queue    string // host:port
	dir, url, directURL string
}

func newProduct(t *testing.T, rev, database string) *product {
	p := &product{t: t, rev: rev, app: freeAddr(t), edge: freeAddr(t), queue: freeAddr(t), dir: t.TempDir()}
	p.url, p.directURL = "http://"+p.edge, "http://"+p.app
	p.env = []string{
		"DATABASE_URL=" + database, "QUEUE_TOKEN=queue-secret", "WORKER_TOKEN=worker-secret",
		"QUEUE_URL=nats://queue-secret@" + p.queue, "APP_URL=" + p.directURL, "ADMIN_EMAIL=dana@acme.example",
		"CUSTOMER_NAME=Acme <Rockets> & Söhne", "TENANT_ID=acme", "SEATS=25", "PUBLIC_URL=" + p.url,
	}
	return p
}

func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// run carries out one command to its end.
func (p *product) run(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binaries[p.rev], args...)
	cmd.Env = p.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (p *product) must(args ...string) string {
	p.t.Helper()
	out, err := p.run(args...)
	if err != nil {
		p.t.Fatalf("helpdesk %v: %v\n%s", args, err, out)
	}
	return out
}

// start runs a component until the returned stop, which asks it to end by
// SIGTERM and fails the test when it does not end well, and soon: who suspends a
// customer waits for the slowest.
func (p *product) start(args ...string) (stop func()) {
	p.t.Helper()
	cmd := exec.Command(binaries[p.rev], args...)
	cmd.Env = p.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		kill := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		asked := time.Now()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			p.t.Errorf("helpdesk %v ended with %v", args, err)
		}
		if took := time.Since(asked); took > 3*time.Second {
			p.t.Errorf("helpdesk %v took %v to end", args, took)
		}
		if p.t.Failed() {
			p.t.Logf("helpdesk %v said:\n%s", args, &out)
		}
	})
	p.t.Cleanup(stop)
	return stop
}

func (p *product) startApp() func()  { return p.start("app", "--listen", p.app) }
func (p *product) startEdge() func() { return p.start("edge", "--listen", p.edge, "--upstream", p.app) }
func (p *product) startQueue() func() {
	return p.start("queue", "--listen", p.queue, "--store", filepath.Join(p.dir, "js"))
}

// call sends a request through the edge (or to the URL given whole).
func (p *product) call(method, path, contentType, body string) (int, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, bytes.NewBufferString(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func (p *product) post(path, json string) (int, string) {
	p.t.Helper()
	return p.call(http.MethodPost, path, "application/json", json)
}

func (p *product) get(path string, into any) {
	p.t.Helper()
	code, body := p.call(http.MethodGet, path, "", "")
	if code != http.StatusOK {
		p.t.Fatalf("GET %s: %d %s", path, code, body)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(body), into); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *product) waitReady() {
	p.t.Helper()
	p.eventually(func() error {
		if code, body := p.call(http.MethodGet, "/readyz", "", ""); code != http.StatusOK {
			return fmt.Errorf("readyz: %d %s", code, body)
		}
		return nil
	})
}

func (p *product) eventually(fn func() error) {
	p.t.Helper()
	late := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := fn()
		if err == nil {
			return
		}
		select {
		case <-late:
			p.t.Fatal(errors.Join(errors.New("not within 20s"), err))
		case <-tick.C:
		}
	}
}
