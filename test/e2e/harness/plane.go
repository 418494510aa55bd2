package harness

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"stampworks.dev/pkg/rpc/pki"
	"stampworks.dev/pkg/testkit"
	"stampworks.dev/services/gateway"
	"stampworks.dev/services/provisioner/driver/local"
)

// readyWithin is how long a service may take to be ready.
const readyWithin = 30 * time.Second

// Token is what API presents.
const Token = "e2e-admin-token" //nolint:gosec // of a plane that lives as long as a test

// Plane is a control plane of separate programs with config files.
type Plane struct {
	T    testing.TB
	Dir  string
	Etcd *Etcd
	// API calls the gateway as the admin.
	API *API
	// Services by name; the second cell's are "provisioner-b" and "health-b".
	Services map[string]*Service

	addresses map[string]string
	cells     []string
	standby   bool
}

// Service is one of our programs.
type Service struct {
	*Process
	// Admin is the base URL of /readyz and /metrics.
	Admin string
}

// Options say what a plane has.
type Options struct {
	// Cells are the local cells, a provisioner for each. Default one, "local".
	Cells []string
	// Standby adds a second provisioner, "provisioner-two", on the first cell's
	// host. The gateway and health ask that one.
	Standby bool
}

// New prepares a plane and starts its etcd; the services are not started yet.
func New(t testing.TB, opts Options) *Plane {
	t.Helper()
	if len(opts.Cells) == 0 {
		opts.Cells = []string{"local"}
	}
	p := &Plane{T: t, Dir: Dir(t), Services: map[string]*Service{}, addresses: map[string]string{}, cells: opts.Cells, standby: opts.Standby}
	if err := pki.CreateCA(filepath.Join(p.Dir, "pki")); err != nil {
		t.Fatal(err)
	}
	// Cleanups run in reverse: stamps end after everything that could start them.
	t.Cleanup(p.endStamps)
	p.Etcd = NewEtcd(t, p.Dir)
	p.Etcd.Start()
	p.Etcd.Await()
	p.write("tokens", gateway.TokenLine("admin", "admin", Token)+"\n")
	p.configure()
	p.API = &API{t: t, Address: "http://" + p.addresses["gateway"], Token: Token}
	return p
}

// Dir is a folder of the test's own that stamps' users may pass through. Its
// path is short: sockets are in it.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "e2e-")
	if err == nil {
		err = os.Chmod(dir, 0o711)
	}
	if err != nil {
		t.Fatalf("make folder: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() && os.Getenv("E2E_KEEP") != "" {
			t.Logf("kept for a look: %s", dir)
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove folder: %v", err)
		}
	})
	return dir
}

func (p *Plane) write(name, text string) string {
	p.T.Helper()
	path := filepath.Join(p.Dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.T.Fatalf("write %s: %v", name, err)
	}
	return path
}

// Start starts services in this order, and does not wait.
func (p *Plane) Start(names ...string) {
	p.T.Helper()
	for _, name := range names {
		p.Services[name].Start()
	}
}

// StartAll starts all services and waits until they are ready.
func (p *Plane) StartAll() {
	p.T.Helper()
	for _, s := range p.Services {
		s.Start()
	}
	p.AwaitReady(slices.Collect(maps.Keys(p.Services))...)
}

// AwaitListening waits until services answer on their admin port, ready or not.
func (p *Plane) AwaitListening(names ...string) {
	p.T.Helper()
	p.await("/healthz", names)
}

// AwaitReady waits until services say that they are ready.
func (p *Plane) AwaitReady(names ...string) {
	p.T.Helper()
	p.await("/readyz", names)
}

func (p *Plane) await(path string, names []string) {
	p.T.Helper()
	for _, name := range names {
		s := p.Services[name]
		testkit.Eventually(p.T, readyWithin, func() error {
			p.alive()
			return answersOK(p.T, s.Admin+path)
		})
	}
}

// alive ends the test when a service ended by itself.
func (p *Plane) alive() {
	p.T.Helper()
	for _, s := range p.Services {
		if err := s.Alive(); err != nil {
			p.T.Fatal(err)
		}
	}
}

// CellDir is where a cell's stamps are.
func (p *Plane) CellDir(cell string) string {
	for i, name := range p.cells {
		if name == cell {
			return filepath.Join(p.dataDir(nameOf("provisioner", i)), "cell")
		}
	}
	p.T.Fatalf("no cell %q", cell)
	return ""
}

func (p *Plane) endStamps() {
	for _, cell := range p.cells {
		EndStamps(p.T, p.CellDir(cell))
	}
}

// EndStamps stops every stamp of a cell and fails the test when a process is
// left of one.
func EndStamps(t testing.TB, cellDir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	if _, err := local.Halt(ctx, cellDir); err != nil {
		t.Errorf("stop stamps: %v", err)
	}
	var left []Running
	for ctx.Err() == nil {
		if left = RunningBelow(t, cellDir); len(left) == 0 {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Errorf("processes left after all stamps were stopped: %v", left)
	for _, r := range left {
		r.Kill()
	}
}

// answersOK is an error unless a URL answers 200.
func answersOK(t testing.TB, url string) error {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := browser.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		return fmt.Errorf("%s answers %d %s", url, resp.StatusCode, text)
	}
	return nil
}
