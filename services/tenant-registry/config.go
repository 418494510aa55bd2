package tenantregistry

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/admin"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/services/tenant-registry/internal/tenant"
)

// Config is what operators write.
type Config struct {
	// GRPC is where the services are.
	GRPC Listen `yaml:"grpc" help:"where gRPC is served"`
	// TLS proves this service to the others.
	TLS rpc.TLSConfig `yaml:"tls" help:"proof of this service"`
	// Admin is where /metrics, /healthz, /readyz and /debug/pprof are.
	Admin admin.Config `yaml:"admin" help:"where metrics and health are served"`
	// Etcd is the cluster that everything is kept in.
	Etcd etcd.Config `yaml:"etcd" help:"the etcd cluster"`
	// Prefix of all keys, the same for all replicas; it begins and ends with "/".
	Prefix string `yaml:"prefix" help:"prefix of all keys in etcd"`
	// DataDir holds what is this replica's own.
	DataDir string `yaml:"data_dir" help:"directory of this replica"`
	// PublicURL is the gateway's address as the CRM reaches it.
	PublicURL string `yaml:"public_url" help:"address of the gateway as senders of webhooks reach it"`
	// SecretKeyFile seals the sources' secrets; the same for all replicas.
	// Default secrets.key in DataDir, made when missing.
	SecretKeyFile string `yaml:"secret_key_file" help:"key file that seals secrets, the same for all replicas" default:"secrets.key in data_dir"`
	// DeleteRetention is how long a deleted tenant's data is kept.
	DeleteRetention time.Duration `yaml:"delete_retention" help:"how long a deleted tenant's data is kept"`
}

// Listen is host:port; port 0 takes a free one.
type Listen struct {
	Listen string `yaml:"listen" help:"host:port"`
}

// Default is a replica on loopback with etcd beside it.
func Default() Config {
	return Config{
		GRPC:            Listen{"127.0.0.1:9001"},
		Admin:           admin.Config{Listen: "127.0.0.1:9101"},
		Etcd:            etcd.Config{Endpoints: []string{"127.0.0.1:2379"}},
		Prefix:          "/stampworks/registry/",
		DataDir:         "/var/lib/stampworks/tenant-registry",
		PublicURL:       "http://127.0.0.1:8080",
		DeleteRetention: tenant.DefaultRetention,
	}
}

// Validate reports what is wrong before anything starts.
func (c Config) Validate() error {
	if !strings.HasPrefix(c.Prefix, "/") || !strings.HasSuffix(c.Prefix, "/") || strings.Contains(c.Prefix, "//") {
		return fmt.Errorf("prefix %q must begin and end with \"/\"", c.Prefix)
	}
	if c.DataDir == "" && c.SecretKeyFile == "" {
		return errors.New("data_dir is required")
	}
	if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("public_url %q must be an http or https address", c.PublicURL)
	}
	if c.DeleteRetention <= 0 {
		return fmt.Errorf("delete_retention %s must be above zero", c.DeleteRetention)
	}
	return nil
}

func (c Config) keyFile() string {
	return cmp.Or(c.SecretKeyFile, filepath.Join(c.DataDir, "secrets.key"))
}
