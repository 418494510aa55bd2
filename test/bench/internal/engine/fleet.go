package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/admin"
	"stampworks.dev/pkg/rpc/pki"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/services/provisioner"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/memory"
	tenantregistry "stampworks.dev/services/tenant-registry"
)

// cellName of the one cell.
const cellName = "memory"

// fleetConfig is what a fleet is told first.
type fleetConfig struct {
	Dir  string `json:"dir"`
	Etcd string `json:"etcd"`
}

// fleetState is its answer to every command.
type fleetState struct {
	Registry string         `json:"registry"` // where gRPC is served
	Admin    string         `json:"admin"`    // the provisioner's
	CPU      time.Duration  `json:"cpu"`      // of the process, so far
	Memory   int64          `json:"memory"`   // resident, in bytes; of "weigh" alone
	Calls    map[string]int `json:"calls"`    // of the driver, by verb, so far
}

// fleet is the registry and a provisioner whose cell is in memory, as they are
// in production, and nothing else: the usage of the process is theirs.
type fleet struct {
	cfg      fleetConfig
	log      *slog.Logger
	registry *tenantregistry.Service
	cell     *memory.Driver

	provisioner *provisioner.Service
	stop        func() error // of the provisioner
}

// Serve is the process of a fleet: a line of JSON in for every command, one out.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	commands, answers := json.NewDecoder(in), json.NewEncoder(out)
	f := &fleet{log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), cell: memory.New(memory.Config{})}
	if err := commands.Decode(&f.cfg); err != nil {
		return fmt.Errorf("read config: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := pki.CreateCA(f.pki()); err != nil {
		return err
	}
	stopRegistry, err := f.startRegistry(ctx)
	if err != nil {
		return fmt.Errorf("start registry: %w", err)
	}
	defer func() { _ = stopRegistry() }()
	if err := f.startProvisioner(ctx); err != nil {
		return fmt.Errorf("start provisioner: %w", err)
	}
	defer func() { _ = f.stop() }()
	for command := look; ; {
		state, err := f.do(ctx, command)
		if err := errors.Join(err, answers.Encode(state)); err != nil {
			return err
		}
		if err := commands.Decode(&command); err != nil {
			return nil //nolint:nilerr // who gave the commands has ended
		}
	}
}

// The commands. Each is answered with the state.
const (
	look    = "look"
	weigh   = "weigh" // tell the memory, too
	restart = "restart"
)

// do carries out a command.
func (f *fleet) do(ctx context.Context, command string) (s fleetState, err error) {
	switch command {
	case weigh:
		s.Memory, err = resident()
	case restart:
		err = f.restart(ctx)
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", command, err)
	}
	s.Registry, s.Admin, s.Calls = f.registry.Addr(), f.provisioner.AdminAddr(), f.cell.Calls()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return s, fmt.Errorf("read usage: %w", err)
	}
	s.CPU = time.Duration(used.Utime.Nano() + used.Stime.Nano())
	return s, nil
}

func (f *fleet) pki() string { return filepath.Join(f.cfg.Dir, "pki") }

func (f *fleet) startRegistry(ctx context.Context) (stop func() error, err error) {
	cfg := tenantregistry.Default()
	cfg.GRPC.Listen, cfg.Admin = "127.0.0.1:0", admin.Config{Listen: "127.0.0.1:0"}
	cfg.Etcd, cfg.DataDir = etcd.Config{Endpoints: []string{f.cfg.Etcd}}, filepath.Join(f.cfg.Dir, "registry")
	if cfg.TLS, err = certificate(f.pki(), tenantregistry.Name); err != nil {
		return nil, err
	}
	if f.registry, err = tenantregistry.New(ctx, cfg, tenantregistry.Deps{Log: f.log}); err != nil {
		return nil, err
	}
	return running(ctx, f.registry.Run), nil
}

func (f *fleet) startProvisioner(ctx context.Context) (err error) {
	cfg := provisioner.Default()
	cfg.GRPC.Listen, cfg.Admin = "127.0.0.1:0", admin.Config{Listen: "127.0.0.1:0"}
	cfg.Etcd, cfg.DataDir = etcd.Config{Endpoints: []string{f.cfg.Etcd}}, filepath.Join(f.cfg.Dir, "provisioner")
	cfg.Registry.Target = f.registry.Addr()
	cfg.Cell = provisioner.CellConfig{Name: cellName, Driver: "memory"}
	if cfg.TLS, err = certificate(f.pki(), provisioner.Name); err != nil {
		return err
	}
	deps := provisioner.Deps{Log: f.log, Drivers: map[string]driver.Driver{cellName: f.cell}}
	if f.provisioner, err = provisioner.New(ctx, cfg, deps); err != nil {
		return err
	}
	f.stop = running(ctx, f.provisioner.Run)
	return nil
}

// restart ends the provisioner and starts another on the same cell.
func (f *fleet) restart(ctx context.Context) error {
	if err := f.stop(); err != nil {
		return err
	}
	f.cell = f.cell.Reopen()
	return f.startProvisioner(ctx)
}

// running runs a service until it is stopped.
func running(ctx context.Context, run func(context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return func() error {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}
}

// resident gives the memory of this process once what is free is given back.
func resident() (int64, error) {
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("read memory: %q", text)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

func certificate(dir, service string) (rpc.TLSConfig, error) {
	files, err := pki.Issue(dir, service)
	return rpc.TLSConfig{CA: files.CA, Cert: files.Cert, Key: files.Key}, err
}
