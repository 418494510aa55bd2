package etcd

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/pkg/store"
	"stampworks.dev/pkg/telemetry"
)

// OperationTimeout bounds an operation whose context has no deadline.
const OperationTimeout = 5 * time.Second

// Config says where the etcd cluster is.
type Config struct {
	// Endpoints are URLs or host:port, at least one.
	Endpoints []string `yaml:"endpoints" help:"URLs or host:port, at least one"`
	// TLS of the connection; empty is plain text.
	TLS TLSConfig `yaml:"tls" help:"TLS"`
	// DialTimeout bounds authentication and the first keep-alive, default 5 s.
	DialTimeout time.Duration `yaml:"dial_timeout" help:"how long the first contact may take" default:"5s"`
	// Username and Password, where etcd asks for them.
	Username string `yaml:"username" help:"user, where it asks for one"`
	Password string `yaml:"password" help:"password of that user"`
}

// TLSConfig names files in PEM form. The certificate and key are read again at
// every handshake.
type TLSConfig struct {
	CA   string `yaml:"ca" help:"file of its authority"`
	Cert string `yaml:"cert" help:"certificate file"`
	Key  string `yaml:"key" help:"private key file"`
}

// Deps is what the backend needs from its program.
type Deps struct {
	Log *slog.Logger
	// Meter counts lost writes; nil counts nothing.
	Meter metric.Meter
}

// Backend is a connection to etcd. It implements store.Backend and
// store.ProgressRequester.
type Backend struct {
	client    *clientv3.Client
	log       *slog.Logger
	conflicts metric.Int64Counter
}

var (
	_ store.Backend           = (*Backend)(nil)
	_ store.ProgressRequester = (*Backend)(nil)
)

// New makes the connection. It does not wait for etcd to be there: services
// start in any order. ctx ends background work, as Close does.
func New(ctx context.Context, cfg Config, deps Deps) (*Backend, error) {
	if len(cfg.Endpoints) == 0 {
		return nil, errs.Invalid("ETCD_CONFIG_INVALID", errs.Violation{Field: "endpoints", Description: "at least one is required"})
	}
	secure, err := cfg.TLS.load()
	if err != nil {
		return nil, err
	}
	meter := deps.Meter
	if meter == nil {
		meter = noop.Meter{}
	}
	conflicts, err := meter.Int64Counter(telemetry.MetricStoreConflicts, metric.WithUnit("{write}"),
		metric.WithDescription("Writes that were not made: what they were made from had changed."))
	if err != nil {
		return nil, fmt.Errorf("create metric %q: %w", telemetry.MetricStoreConflicts, err)
	}
	conflicts.Add(ctx, 0)
	client, err := clientv3.New(clientv3.Config{
		Context:              ctx,
		Endpoints:            cfg.Endpoints,
		TLS:                  secure,
		DialTimeout:          cmp.Or(cfg.DialTimeout, 5*time.Second),
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: 5 * time.Second,
		Username:             cfg.Username,
		Password:             cfg.Password,
		Logger:               zap.NewNop(), // what it would log comes back as an error
		DialOptions:          []grpc.DialOption{grpc.WithStatsHandler(otelgrpc.NewClientHandler(otelgrpc.WithFilter(traced)))},
	})
	if err != nil {
		return nil, errs.New(errs.Unavailable, store.ErrUnavailable.Reason, "connect to etcd %v: %w", cfg.Endpoints, err)
	}
	log := deps.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Backend{client: client, log: log, conflicts: conflicts}, nil
}

// Client is the connection itself, for leases.
func (b *Backend) Client() *clientv3.Client { return b.client }

// Close ends the connection and every watch.
func (b *Backend) Close() error {
	if err := b.client.Close(); err != nil && b.client.Ctx().Err() == nil {
		return mapError(context.Background(), err)
	}
	return nil
}

func (c TLSConfig) load() (*tls.Config, error) {
	if c == (TLSConfig{}) {
		return nil, nil
	}
	info := transport.TLSInfo{TrustedCAFile: c.CA, CertFile: c.Cert, KeyFile: c.Key, Logger: zap.NewNop()}
	conf, err := info.ClientConfig()
	if err != nil {
		return nil, errs.Invalid("ETCD_CONFIG_INVALID", errs.Violation{Field: "tls", Description: err.Error()})
	}
	return conf, nil
}

// traced says which calls get a span: those that end.
func traced(info *stats.RPCTagInfo) bool {
	return !strings.HasSuffix(info.FullMethodName, "/Watch") && !strings.HasSuffix(info.FullMethodName, "/LeaseKeepAlive")
}
