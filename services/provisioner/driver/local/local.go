package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/artifact"
	"stampworks.dev/services/provisioner/driver/local/change"
	"stampworks.dev/services/provisioner/driver/local/host"
	"stampworks.dev/services/provisioner/driver/local/layout"
	"stampworks.dev/services/provisioner/driver/local/repository"
)

// Driver makes stamps on this machine.
type Driver struct {
	cfg       Config
	log       *slog.Logger
	instance  string
	host      *host.File  // to read
	changes   change.Host // to change
	artifacts *artifact.Store
	means     means
	addresses bool // loopback has more than one
	backups   *repository.Repository

	walled map[int]bool // users whose firewall elements were there when last seen

	orphans bool // some still ran when they were last looked at

	disk    diskUse
	proven  proven
	backing repository.Locks // by stamp, whose backup directory is used
}

var (
	_ driver.Driver = (*Driver)(nil)
	_ driver.Keeper = (*Driver)(nil)

	_ driver.Watcher = (*Driver)(nil)

	_ driver.Attacher = (*Driver)(nil)
	_ driver.Importer = (*Driver)(nil)
)

// New opens the cell and sees to it that every stamp in it has a supervisor:
// after a reboot they come back by this alone. Call [Driver.Run] to keep it so.
func New(cfg Config, deps Deps) (*Driver, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, fmt.Errorf("open local cell: %w", err)
	}
	d := &Driver{cfg: cfg, log: deps.Log}
	if err := d.open(); err != nil {
		return nil, fmt.Errorf("open local cell: %w", err)
	}
	return d, nil
}

func (d *Driver) open() error {
	if err := os.MkdirAll(d.cfg.DataDir, 0o711); err != nil {
		return err
	}
	if err := os.MkdirAll(d.stamps(), 0o711); err != nil {
		return err
	}
	var err error
	if d.means = detect(d.cfg); os.Geteuid() == 0 && !d.means.users {
		d.log.Warn("stamps run as root: no user of its own can be given to one", "cell", d.cfg.Cell)
	}
	d.artifacts, err = artifact.Open(artifact.Config{
		Dir: d.artifactDir(), OtherUsers: d.means.users, Roots: d.cfg.ArtifactRoots, PrivateAddresses: d.cfg.ArtifactPrivateAddresses,
	})
	if err != nil {
		return err
	}
	d.artifacts.AskThrough(d.cfg.Supervisor)
	if d.backups, err = repository.Open(d.cfg.BackupDir); err != nil {
		return err
	}
	if d.instance, err = instanceID(d.cfg.DataDir); err != nil {
		return err
	}
	pool, err := netip.ParsePrefix(d.cfg.AddressPool)
	if err != nil {
		return err
	}
	if d.addresses = listens(pool.Masked().Addr().Next()); !d.addresses {
		pool = netip.Prefix{}
	}
	shared := host.Config{
		Dir: d.cfg.HostDir, Instance: d.instance, DataDir: d.cfg.DataDir,
		Users: d.cfg.UserRange, Addresses: pool, Ports: d.cfg.PortRange, Public: d.cfg.PublicAddress,
	}
	if d.host, err = host.Open(shared); err != nil {
		return err
	}
	d.changes = change.Host{Program: d.cfg.hostProgram(), Config: shared, Walls: d.walls(), Groups: d.means.groups}
	return d.settle(context.Background())
}

// settle puts right what happened since the cell was last open.
func (d *Driver) settle(ctx context.Context) error {
	if err := errors.Join(d.changes.Clear(ctx), d.collect(ctx)); err != nil {
		return err
	}
	if err := d.returned(ctx); err != nil {
		d.log.Error("stamps without their numbers", "cell", d.cfg.Cell, "error", err)
	}
	if err := d.keepWalls(ctx); err != nil {
		return err
	}
	if err := d.keepSupervisors(ctx); err != nil {
		d.log.Error("supervisors not launched", "cell", d.cfg.Cell, "error", err) // Run tries again
	}
	return nil
}

func (d *Driver) stamps() string { return filepath.Join(d.cfg.DataDir, "stamps") }

func (d *Driver) artifactDir() string { return filepath.Join(d.cfg.DataDir, "artifacts") }

// stamp is the directory of a stamp. The reference must have been checked.
func (d *Driver) stamp(ref driver.Ref) layout.Stamp {
	return layout.Stamp(filepath.Join(d.stamps(), ref.Tenant))
}

// instanceID gives the data directory's own id, made when it has none: one, also
// when two replicas open it at once.
func instanceID(dataDir string) (string, error) {
	path := filepath.Join(dataDir, host.InstanceFile)
	text, err := os.ReadFile(path)
	switch {
	case err == nil && len(text) == 0:
		return "", fmt.Errorf("read instance id: %s is empty", path)
	case err == nil:
		return string(text), nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("read instance id: %w", err)
	}
	id := make([]byte, 8)
	_, _ = rand.Read(id) // it never fails (crypto/rand)
	err = layout.CreateDurable(path, []byte(hex.EncodeToString(id)), 0o644)
	if errors.Is(err, fs.ErrExist) {
		return instanceID(dataDir)
	}
	return hex.EncodeToString(id), err
}

func listens(at netip.Addr) bool {
	l, err := net.Listen("tcp", netip.AddrPortFrom(at, 0).String())
	if err != nil {
		return false
	}
	return l.Close() == nil
}
