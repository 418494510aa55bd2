package rpc

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"stampworks.dev/pkg/telemetry"
)

// DefaultTimeout is given to unary calls without a deadline.
const DefaultTimeout = 10 * time.Second

// ClientConfig is what an operator says about a service that is called.
type ClientConfig struct {
	// Target is host:port, several of them with commas between, or a gRPC
	// target with a scheme such as dns:///registry:9001. A host name with many
	// addresses is used in turn.
	Target string `yaml:"target"`
	// TLS must be configured if the server's is.
	TLS TLSConfig `yaml:"tls"`
	// Server is the service name that the server must prove: "tenant-registry".
	Server string `yaml:"server"`
	// Timeout is for unary calls without a deadline; default 10 s.
	Timeout time.Duration `yaml:"timeout"`
}

// Validate reports what is wrong before anything is dialled. A section that
// is left empty is fine until somebody dials it.
func (c ClientConfig) Validate() error {
	switch {
	case c.TLS.Enabled() && c.Server == "":
		return errors.New("server is required with tls: the service name to expect")
	case c.Timeout < 0:
		return fmt.Errorf("timeout %v is below zero", c.Timeout)
	}
	return c.TLS.Validate()
}

// ClientDeps is what a client needs from its process. Log and Telemetry may
// be nil.
type ClientDeps struct {
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry
	// Service is the caller's own name. With TLS its certificate says who it
	// is; without, a server in a test believes this.
	Service string
	// Options come last and win; tests use them.
	Options []grpc.DialOption
}

// Dial prepares a connection; it does not wait for the server, which may not
// be up yet. Close it at the end.
func Dial(cfg ClientConfig, deps ClientDeps) (*grpc.ClientConn, error) {
	if cfg.Target == "" {
		return nil, errors.New("dial: target is required")
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("dial %s: %w", cfg.Target, err)
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Telemetry == nil {
		deps.Telemetry = telemetry.Discard()
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	creds := insecure.NewCredentials()
	if cfg.TLS.Enabled() {
		tlsConfig, err := clientTLS(cfg.TLS, cfg.Server, deps.Log)
		if err != nil {
			return nil, err
		}
		creds = credentials.NewTLS(tlsConfig)
	}
	target, opts := resolve(cfg.Target)
	opts = append(opts,
		grpc.WithTransportCredentials(creds),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithStatsHandler(clientStats(deps.Telemetry)),
		grpc.WithChainUnaryInterceptor(clientUnary(cfg, deps)),
		grpc.WithChainStreamInterceptor(clientStream(cfg, deps)),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithConnectParams(connectParams),
		grpc.WithNoProxy(),
	)
	conn, err := grpc.NewClient(target, append(opts, deps.Options...)...)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", cfg.Target, err)
	}
	return conn, nil
}

// resolve turns the target of a configuration into one of gRPC's.
func resolve(target string) (string, []grpc.DialOption) {
	if strings.Contains(target, "://") {
		return target, nil
	}
	hosts := strings.Split(target, ",")
	if len(hosts) == 1 {
		return "dns:///" + strings.TrimSpace(target), nil
	}
	state := resolver.State{}
	for _, h := range hosts {
		if h = strings.TrimSpace(h); h != "" {
			state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: h, ServerName: hostOf(h)}}})
		}
	}
	static := manual.NewBuilderWithScheme("static")
	static.InitialState(state)
	return "static:///" + hosts[0], []grpc.DialOption{grpc.WithResolvers(static)}
}

func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}
