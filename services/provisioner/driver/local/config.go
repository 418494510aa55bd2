package local

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"

	"stampworks.dev/services/provisioner/driver/local/host"
)

// Config is what an operator says about a local cell.
type Config struct {
	// DataDir has the stamps and the artifact store. Required.
	DataDir string `yaml:"data_dir"`
	// BackupDir has the kept backups. Default: backups in DataDir, beside the
	// stamps.
	BackupDir string `yaml:"backup_dir"`
	// HostDir has the allocations of the machine, shared by every cell on it.
	// Default: /var/lib/stampworks-host as root, else in $XDG_STATE_HOME.
	HostDir string `yaml:"host_dir"`
	// Cell is the cell's id, for logs.
	Cell string `yaml:"cell"`
	// PublicAddress is where endpoints listen. Default 127.0.0.1.
	PublicAddress string `yaml:"public_address"`
	// URLTemplate makes the public URL: {tenant} and {port} are filled in.
	// Default: http:// and the endpoint's address.
	URLTemplate string `yaml:"url_template"`
	// PortRange has the endpoints' ports. Default 20000 to 29999.
	PortRange host.Range `yaml:"port_range"`
	// AddressPool has the stamps' loopback addresses. Default 127.64.0.0/10;
	// where loopback has one address only, ports of PortRange are used.
	AddressPool string `yaml:"address_pool"`
	// UserRange has the stamps' user numbers. Default 200000 to 265535.
	UserRange host.Range `yaml:"user_range"`
	// Supervisor is the stamp-supervisor program, with stamp-host beside it.
	// Default: beside this one.
	Supervisor string `yaml:"supervisor"`
	// CPUMillis and MemoryBytes are what the cell gives out. Default: 16 times
	// the cores, 80 % of the memory.
	CPUMillis   int64 `yaml:"cpu_millis"`
	MemoryBytes int64 `yaml:"memory_bytes"`
	// Programs of the machine that Capacity tells about.
	Programs []string `yaml:"programs"`
	// ArtifactRoots are the folders of the machine that artifacts may be files
	// of. Default none: artifacts are URLs and host programs.
	ArtifactRoots []string `yaml:"artifact_roots"`
	// ArtifactPrivateAddresses lets artifacts' URLs lead to this machine and to
	// private networks.
	ArtifactPrivateAddresses bool `yaml:"artifact_private_addresses"`
	// LoopbackPorts are what stamps may connect to on their own machine, besides
	// themselves, public endpoints and the name server.
	LoopbackPorts []int `yaml:"loopback_ports"`
	// Unisolated gives stamps no users of their own, even as root.
	Unisolated bool `yaml:"unisolated"`
}

// Deps are what code passes.
type Deps struct {
	Log *slog.Logger
}

// Default is the configuration of a cell whose data directory is not set.
func Default() Config {
	return Config{
		PublicAddress: "127.0.0.1",
		PortRange:     host.Range{First: 20000, Last: 29999},
		AddressPool:   "127.64.0.0/10",
		UserRange:     host.Range{First: 200000, Last: 265535},
		Programs:      []string{"postgres", "python3", "node", "java", "redis-server", "nginx", "mariadbd"},
	}
}

// complete fills in defaults and refuses what cannot be.
func (c Config) complete() (Config, error) {
	d := Default()
	if c.DataDir == "" {
		return c, fmt.Errorf("check data_dir: it is not set")
	}
	var err error
	if c.DataDir, err = filepath.Abs(c.DataDir); err != nil {
		return c, fmt.Errorf("check data_dir: %w", err)
	}
	if err := c.findBackups(); err != nil {
		return c, err
	}
	if c.HostDir == "" {
		if c.HostDir, err = defaultHostDir(); err != nil {
			return c, err
		}
	}
	if c.PublicAddress == "" {
		c.PublicAddress = d.PublicAddress
	}
	if _, err := netip.ParseAddr(c.PublicAddress); err != nil {
		return c, fmt.Errorf("check public_address: %w", err)
	}
	if c.PortRange == (host.Range{}) {
		c.PortRange = d.PortRange
	}
	if c.UserRange == (host.Range{}) {
		c.UserRange = d.UserRange
	}
	if c.AddressPool == "" {
		c.AddressPool = d.AddressPool
	}
	if c.Programs == nil {
		c.Programs = d.Programs
	}
	if pool, err := netip.ParsePrefix(c.AddressPool); err != nil || !pool.Addr().Is4() || !pool.Addr().IsLoopback() || pool.Bits() < 8 {
		return c, fmt.Errorf("check address_pool %q: want an IPv4 network within 127.0.0.0/8", c.AddressPool)
	}
	for _, root := range c.ArtifactRoots {
		if !filepath.IsAbs(root) {
			return c, fmt.Errorf("check artifact_roots %q: want absolute paths", root)
		}
	}
	if c.PortRange.First < 1 || c.PortRange.Last > 65535 || c.PortRange.Count() == 0 {
		return c, fmt.Errorf("check port_range: want 1 <= first <= last <= 65535")
	}
	for _, port := range c.LoopbackPorts {
		if port < 1 || port > 65535 {
			return c, fmt.Errorf("check loopback_ports: %d is no port", port)
		}
	}
	if c.UserRange.First < 1000 || c.UserRange.Count() == 0 {
		return c, fmt.Errorf("check user_range: want 1000 <= first <= last")
	}
	err = c.findSupervisor()
	return c, err
}

// findBackups refuses a place that goes with a stamp.
func (c *Config) findBackups() error {
	if c.BackupDir == "" {
		c.BackupDir = filepath.Join(c.DataDir, "backups")
	}
	path, err := filepath.Abs(c.BackupDir)
	if err != nil {
		return fmt.Errorf("check backup_dir: %w", err)
	}
	c.BackupDir = path
	for _, dir := range []string{"stamps", "artifacts"} {
		if rel, err := filepath.Rel(filepath.Join(c.DataDir, dir), path); err == nil && filepath.IsLocal(rel) {
			return fmt.Errorf("check backup_dir: %s is in the cell's %s", path, dir)
		}
	}
	return nil
}

func (c *Config) findSupervisor() error {
	if c.Supervisor == "" {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find supervisor: %w", err)
		}
		c.Supervisor = filepath.Join(filepath.Dir(self), "stamp-supervisor")
	}
	path, err := filepath.Abs(c.Supervisor)
	if err != nil {
		return fmt.Errorf("find supervisor: %w", err)
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("find supervisor: %w", err)
	}
	c.Supervisor = path
	if _, err := os.Stat(c.hostProgram()); err != nil {
		return fmt.Errorf("find stamp-host, which belongs beside the supervisor: %w", err)
	}
	return nil
}

func (c Config) hostProgram() string { return filepath.Join(filepath.Dir(c.Supervisor), "stamp-host") }

func defaultHostDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/stampworks-host", nil
	}
	if state := os.Getenv("XDG_STATE_HOME"); state != "" {
		return filepath.Join(state, "stampworks-host"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find host_dir: %w", err)
	}
	return filepath.Join(home, ".local", "state", "stampworks-host"), nil
}
