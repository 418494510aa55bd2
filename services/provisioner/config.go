package provisioner

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"stampworks.dev/pkg/rpc"
	"stampworks.dev/pkg/rpc/admin"
	"stampworks.dev/pkg/store/etcd"
	"stampworks.dev/services/provisioner/driver/local"
	"stampworks.dev/services/provisioner/driver/local/host"
	"stampworks.dev/services/provisioner/internal/record"
)

// Config is what operators write.
type Config struct {
	// GRPC is where the services are.
	GRPC Listen `yaml:"grpc" help:"where gRPC is served"`
	// TLS proves this service to the others.
	TLS rpc.TLSConfig `yaml:"tls" help:"proof of this service"`
	// Advertise is where other replicas reach this one. Default: where gRPC is
	// served.
	Advertise string `yaml:"advertise" help:"address at which other replicas reach this one" default:"where gRPC is served"`
	// Admin is where /metrics, /healthz, /readyz and /debug/pprof are.
	Admin admin.Config `yaml:"admin" help:"where metrics and health are served"`
	// Etcd is the cluster that everything is kept in.
	Etcd etcd.Config `yaml:"etcd" help:"the etcd cluster"`
	// Prefix of all keys, the same for all replicas; it begins and ends with "/".
	Prefix string `yaml:"prefix" help:"prefix of all keys in etcd"`
	// Registry is the tenant registry.
	Registry Target `yaml:"registry" help:"the tenant registry"`
	// Replica is this replica's name, the same after a restart. Default: the
	// cell's name.
	Replica string `yaml:"replica" help:"name of this replica, the same after a restart" default:"the cell's name"`
	// DataDir holds what is this replica's own, and the stamps of a local cell
	// unless Cell.DataDir says where they are.
	DataDir string `yaml:"data_dir" help:"directory of this replica"`
	// BackupDir keeps the backups of a local cell's stamps. Default: cell/backups
	// in DataDir, on the same disk as the stamps.
	BackupDir string `yaml:"backup_dir" help:"directory of the stamps' backups"`
	// HostDir has what all replicas on this machine share. Default:
	// /var/lib/stampworks-host as root, else in $XDG_STATE_HOME.
	HostDir string `yaml:"host_dir" help:"directory that all replicas of this machine share" default:"/var/lib/stampworks-host, or in the state folder"`
	// SecretKeyFile seals the tenants' secrets; the same for all replicas.
	// Default secrets.key in DataDir, made when nothing is sealed yet.
	SecretKeyFile string `yaml:"secret_key_file" help:"key file that seals secrets, the same for all replicas" default:"secrets.key in data_dir"`
	// Cell is the cell of this replica.
	Cell CellConfig `yaml:"cell"`
	// ParallelSteps is how many steps of the cell this replica runs at once.
	// Default: four a core, at least eight.
	ParallelSteps int `yaml:"parallel_steps" help:"how many steps of the cell this replica runs at once" default:"4 a core, at least 8"`
	// BackupRetention is how long the backups of a purged tenant are kept.
	// Default: they go with it.
	BackupRetention time.Duration `yaml:"backup_retention" help:"how long the backups of a purged tenant are kept, such as 720h" default:"they go with it"`
	// TaskIdle ends a task that talks with a person when neither says anything for
	// so long; TaskWithin ends any of them. Default: 30 min and 8 h.
	TaskIdle   time.Duration `yaml:"task_idle" help:"how long a task that talks with a person may be silent, such as 30m" default:"30m"`
	TaskWithin time.Duration `yaml:"task_within" help:"how long a task that talks with a person may take, such as 8h" default:"8h"`
	// OTLPEndpoint is what the stamps' components are told to send telemetry to;
	// empty tells them nothing.
	OTLPEndpoint string `yaml:"otlp_endpoint" help:"where components send telemetry"`
}

// Listen is host:port; port 0 takes a free one.
type Listen struct {
	Listen string `yaml:"listen" help:"host:port"`
}

// Target is where a service is: host:port, several with commas between.
type Target struct {
	Target string `yaml:"target" help:"host:port, several with commas between"`
}

// CellConfig is one cell.
type CellConfig struct {
	// Name is the cell's id. Empty: this replica reaches none.
	Name string `yaml:"name" help:"id of the cell of this replica"`
	// Region that tenants can ask for.
	Region string `yaml:"region" help:"region of the cell"`
	// Driver is "local".
	Driver string `yaml:"driver" help:"kind of the cell"`
	// DataDir has a local cell's stamps. Default: cell in the replica's DataDir.
	// Replicas on one host that share it stand by for each other: one works, under
	// the claim. Each has a DataDir of its own.
	DataDir string `yaml:"data_dir" help:"directory of a local cell's stamps, shared by the replicas of one host" default:"cell in the replica's data_dir"`
	// PublicAddress is where customers' URLs are.
	PublicAddress string `yaml:"public_address" help:"address of customers' URLs"`
	// URLTemplate makes those URLs; {tenant} and {port} are filled in.
	URLTemplate string `yaml:"url_template" help:"customers' URLs, with {tenant} and {port}" default:"http://, public_address and port"`
	// Ports are those of customers' URLs.
	Ports host.Range `yaml:"ports" help:"ports of customers' URLs"`
	// CPUMillis and MemoryBytes are what the cell gives out. Default: 16 times
	// the cores, 80 % of the memory.
	CPUMillis   int64 `yaml:"cpu_millis" help:"processor that the cell gives out, in thousandths of a core" default:"16 times the cores"`
	MemoryBytes int64 `yaml:"memory_bytes" help:"memory that the cell gives out" default:"80 % of the machine's"`
	// Supervisor is the stamp-supervisor program. Default: beside this one.
	Supervisor string `yaml:"supervisor" help:"path of the stamp-supervisor program" default:"beside this program"`
	// Programs of the machine that are looked for.
	Programs []string `yaml:"programs" help:"programs of the machine that are looked for"`
	// ArtifactRoots are the folders of the machine that artifacts may be files
	// of. Default none: artifacts are URLs and programs of the machine.
	ArtifactRoots []string `yaml:"artifact_roots" help:"folders that artifacts may be files of"`
	// ArtifactPrivateAddresses lets artifacts' URLs lead to this machine and to
	// private networks.
	ArtifactPrivateAddresses bool `yaml:"artifact_private_addresses" help:"let artifacts' URLs lead to private addresses"`
	// LoopbackPorts are what stamps may connect to on their own machine, besides
	// themselves, public endpoints, the name server and OTLPEndpoint: a mail
	// relay, a proxy in front of customers' URLs.
	LoopbackPorts []int `yaml:"loopback_ports" help:"ports of this machine that stamps may connect to"`
	// Unisolated gives stamps no users of their own, even as root.
	Unisolated bool `yaml:"unisolated" help:"give stamps no users of their own"`
}

// Default is a replica on loopback with etcd and the registry beside it.
func Default() Config {
	cell := local.Default()
	return Config{
		GRPC:     Listen{"127.0.0.1:9002"},
		Admin:    admin.Config{Listen: "127.0.0.1:9102"},
		Etcd:     etcd.Config{Endpoints: []string{"127.0.0.1:2379"}},
		Prefix:   record.DefaultPrefix,
		Registry: Target{"127.0.0.1:9001"},
		DataDir:  "/var/lib/stampworks/provisioner",
		Cell:     CellConfig{Name: "local", Driver: "local", PublicAddress: "127.0.0.1", Ports: cell.PortRange, Programs: cell.Programs},
	}
}

// Validate reports what is wrong before anything starts.
func (c Config) Validate() error {
	switch {
	case !strings.HasPrefix(c.Prefix, "/") || !strings.HasSuffix(c.Prefix, "/") || strings.Contains(c.Prefix, "//"):
		return fmt.Errorf("prefix %q must begin and end with \"/\"", c.Prefix)
	case c.DataDir == "":
		return errors.New("data_dir is required")
	case c.Registry.Target == "":
		return errors.New("registry.target is required")
	case c.ParallelSteps < 0:
		return fmt.Errorf("parallel_steps %d is below zero", c.ParallelSteps)
	case c.BackupRetention < 0:
		return fmt.Errorf("backup_retention %v is below zero", c.BackupRetention)
	case c.TaskIdle < 0 || c.TaskWithin < 0:
		return fmt.Errorf("task_idle %v and task_within %v must not be below zero", c.TaskIdle, c.TaskWithin)
	case strings.ContainsAny(c.Cell.Name, "/. "):
		return fmt.Errorf("cell.name %q must be a plain name", c.Cell.Name)
	}
	return nil
}

// Local is the cell as its local driver is configured.
func (c Config) Local() local.Config {
	cfg := local.Default()
	cfg.DataDir = cmp.Or(c.Cell.DataDir, filepath.Join(c.DataDir, "cell"))
	cfg.HostDir, cfg.Cell = c.HostDir, c.Cell.Name
	cfg.BackupDir = c.BackupDir
	cfg.PublicAddress = cmp.Or(c.Cell.PublicAddress, cfg.PublicAddress)
	cfg.URLTemplate, cfg.Supervisor, cfg.Unisolated = c.Cell.URLTemplate, c.Cell.Supervisor, c.Cell.Unisolated
	cfg.PortRange = cmp.Or(c.Cell.Ports, cfg.PortRange)
	cfg.CPUMillis, cfg.MemoryBytes = c.Cell.CPUMillis, c.Cell.MemoryBytes
	cfg.ArtifactRoots, cfg.ArtifactPrivateAddresses = c.Cell.ArtifactRoots, c.Cell.ArtifactPrivateAddresses
	cfg.LoopbackPorts = slices.Concat(c.Cell.LoopbackPorts, portOf(c.OTLPEndpoint))
	if c.Cell.Programs != nil {
		cfg.Programs = c.Cell.Programs
	}
	return cfg
}

// portOf gives the port of an endpoint, a URL or host:port, if it has one.
func portOf(endpoint string) []int {
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		endpoint = u.Host
	}
	_, text, err := net.SplitHostPort(endpoint)
	if err != nil {
		return nil
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil
	}
	return []int{port}
}

func (c Config) keyFile() string {
	return cmp.Or(c.SecretKeyFile, filepath.Join(c.DataDir, "secrets.key"))
}
