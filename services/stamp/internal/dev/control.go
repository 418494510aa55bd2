package dev

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"stampworks.dev/pkg/lifecycle"
	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/pki"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/pkg/telemetry"
	"stampworks.dev/services/gateway"
	"stampworks.dev/services/health"
	"stampworks.dev/services/provisioner"
	tenantregistry "stampworks.dev/services/tenant-registry"
)

// anyPort is a free port of loopback.
const anyPort = "127.0.0.1:0"

// flushWithin is how long telemetry may take to send what is left.
const flushWithin = 3 * time.Second

// control is the control plane in one process: the four services as they run
// in production, over mTLS on loopback, on an embedded etcd.
type control struct {
	group *lifecycle.Group
	etcd  *embeddedEtcd
	url   string
	stops []func()
}

// controlConfig says how to start it.
type controlConfig struct {
	layout     layout
	listen     string
	supervisor string
	hostDir    string
	artifacts  []string
	version    string
	log        *slog.Logger
}

// startControl starts etcd and the services, in the order in which they need
// to know each other's addresses.
func startControl(ctx context.Context, cfg controlConfig) (*control, error) {
	c := &control{group: lifecycle.NewGroup(cfg.log)}
	if err := c.start(ctx, cfg); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *control) start(ctx context.Context, cfg controlConfig) (err error) {
	if err := pki.CreateCA(cfg.layout.pki()); err != nil {
		return err
	}
	if c.etcd, err = startEtcd(ctx, cfg.layout.etcd()); err != nil {
		return err
	}
	// The gateway's address is known to the others before it listens.
	address, err := reserve(cfg.listen)
	if err != nil {
		return err
	}
	c.url = "http://" + address
	registry, err := c.startRegistry(ctx, cfg)
	if err != nil {
		return fmt.Errorf("start tenant-registry: %w", err)
	}
	provisioner, err := c.startProvisioner(ctx, cfg, registry)
	if err != nil {
		return fmt.Errorf("start provisioner: %w", err)
	}
	health, err := c.startHealth(ctx, cfg, provisioner)
	if err != nil {
		return fmt.Errorf("start health: %w", err)
	}
	if err := c.startGateway(ctx, cfg, address, registry, provisioner, health); err != nil {
		return fmt.Errorf("start gateway: %w", err)
	}
	return nil
}

// run serves until the context ends.
func (c *control) run(ctx context.Context) error {
	defer c.close()
	return c.group.Run(ctx)
}

func (c *control) close() {
	for _, stop := range c.stops {
		stop()
	}
	c.stops = nil
	if c.etcd != nil {
		c.etcd.stop()
		c.etcd = nil
	}
}

// parts are what each service is given.
func (c *control) parts(ctx context.Context, cfg controlConfig, name string) (*slog.Logger, *telemetry.Telemetry, rpc.TLSConfig, error) {
	log := cfg.log.With("service", name)
	tel, err := telemetry.Setup(ctx, telemetry.Config{Service: name, Version: cfg.version}, telemetry.Deps{Log: log})
	if err != nil {
		return nil, nil, rpc.TLSConfig{}, err
	}
	c.stops = append(c.stops, func() {
		flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushWithin)
		defer cancel()
		if err := tel.Shutdown(flush); err != nil {
			log.Warn("telemetry was not sent in full", "error", err)
		}
	})
	files, err := pki.Issue(cfg.layout.pki(), name)
	return log, tel, rpc.TLSConfig{CA: files.CA, Cert: files.Cert, Key: files.Key}, err
}

func (c *control) startRegistry(ctx context.Context, cfg controlConfig) (string, error) {
	log, tel, tls, err := c.parts(ctx, cfg, "tenant-registry")
	if err != nil {
		return "", err
	}
	conf := tenantregistry.Default()
	conf.GRPC.Listen, conf.Admin, conf.TLS = anyPort, c.etcd.admin("tenant-registry"), tls
	conf.Etcd = etcd.Config{Endpoints: []string{c.etcd.endpoint}}
	conf.DataDir, conf.PublicURL = cfg.layout.service("tenant-registry"), c.url
	svc, err := tenantregistry.New(ctx, conf, tenantregistry.Deps{Log: log, Telemetry: tel})
	if err != nil {
		return "", err
	}
	c.group.Add("tenant-registry", svc.Run)
	return svc.Addr(), nil
}

func (c *control) startProvisioner(ctx context.Context, cfg controlConfig, registry string) (string, error) {
	log, tel, tls, err := c.parts(ctx, cfg, "provisioner")
	if err != nil {
		return "", err
	}
	conf := provisioner.Default()
	conf.GRPC.Listen, conf.Admin, conf.TLS = anyPort, c.etcd.admin("provisioner"), tls
	conf.Etcd = etcd.Config{Endpoints: []string{c.etcd.endpoint}}
	conf.Registry.Target = registry
	conf.DataDir, conf.HostDir, conf.Cell.Supervisor = cfg.layout.provisioner(), cfg.hostDir, cfg.supervisor
	conf.Cell.ArtifactRoots, conf.Cell.ArtifactPrivateAddresses = cfg.artifacts, true
	svc, err := provisioner.New(ctx, conf, provisioner.Deps{Log: log, Telemetry: tel, Kinds: map[string]provisioner.Kind{"local": provisioner.Local()}})
	if err != nil {
		return "", err
	}
	c.group.Add("provisioner", svc.Run)
	return svc.Addr(), nil
}

func (c *control) startHealth(ctx context.Context, cfg controlConfig, provisioner string) (string, error) {
	log, tel, tls, err := c.parts(ctx, cfg, "health")
	if err != nil {
		return "", err
	}
	conf := health.Default()
	conf.GRPC.Listen, conf.Admin, conf.TLS = anyPort, c.etcd.admin("health"), tls
	conf.Etcd = etcd.Config{Endpoints: []string{c.etcd.endpoint}}
	conf.Provisioner.Target, conf.DataDir = provisioner, cfg.layout.service("health")
	svc, err := health.New(ctx, conf, health.Deps{Log: log, Telemetry: tel})
	if err != nil {
		return "", err
	}
	c.group.Add("health", svc.Run)
	return svc.Addr(), nil
}

func (c *control) startGateway(ctx context.Context, cfg controlConfig, address, registry, provisioner, health string) error {
	log, tel, tls, err := c.parts(ctx, cfg, "gateway")
	if err != nil {
		return err
	}
	conf := gateway.Default()
	conf.HTTP.Listen, conf.HTTP.OpenPage, conf.Admin, conf.TLS = address, true, c.etcd.admin("gateway"), tls
	conf.Registry.Target, conf.Provisioner.Target, conf.Health.Target = registry, provisioner, health
	conf.TokensFile = cfg.layout.tokens()
	svc, err := gateway.New(ctx, conf, gateway.Deps{Log: log, Telemetry: tel})
	if err != nil {
		return err
	}
	c.group.Add("gateway", svc.Run)
	return nil
}

// reserve checks that an address is free and of this machine only, and gives
// it with its real port.
func reserve(listen string) (string, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return "", fmt.Errorf("listen on %s: %w; choose another address with --listen", listen, err)
	}
	defer func() { _ = l.Close() }()
	if at, ok := l.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		return "", errors.New("stamp dev listens on this machine only: --listen must be a loopback address such as 127.0.0.1:8080")
	}
	return l.Addr().String(), nil
}
