package local

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"stampworks.dev/services/provisioner/driver/local/cgroup"
	"stampworks.dev/services/provisioner/driver/local/change"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/firewall"
	"stampworks.dev/services/provisioner/driver/local/host"
	"stampworks.dev/services/provisioner/driver/local/trampoline"
)

// none is what is said of a kind of isolation that there is not.
const none = "NONE"

// means are the kinds of isolation that this machine permits.
type means struct {
	users    bool // a user for each stamp
	views    bool // and a view of its own of the files
	firewall bool
	confines bool // and it bounds what stamps connect to on loopback
	scopes   bool // abstract sockets are their stamp's
	groups   cgroup.Version
}

// probeWithin is how long trying a kind of isolation may take.
const probeWithin = 10 * time.Second

// detect tries each kind: capabilities and kernels say less than trying.
func detect(cfg Config) means {
	if os.Geteuid() != 0 || cfg.Unisolated {
		return means{}
	}
	m := means{groups: cgroup.Detect()}
	ctx, cancel := context.WithTimeout(context.Background(), probeWithin)
	defer cancel()
	try := strconv.Itoa(cfg.UserRange.Last)
	m.views = exec.CommandContext(ctx, cfg.Supervisor, "probe", "view", try).Run() == nil
	// In a container that may not mount, users alone are still far better than
	// customers' programs as root.
	m.users = m.views || passable(cfg.DataDir) && exec.CommandContext(ctx, cfg.Supervisor, "probe", "user", try).Run() == nil
	m.firewall = m.users && firewall.Available()
	m.confines = m.firewall && firewall.Confines()
	m.scopes = m.users && trampoline.Scopes()
	return m
}

// isolation says it to people. User is the stamp's, zero before it has one.
func (m means) isolation(user int) map[string]string {
	said := map[string]string{"users": none, "files": none, "network": none, "cpu": none, "memory": none, "disk": none}
	if m.users {
		said["users"], said["files"] = "own user", "own user"
		if m.views {
			said["files"] = "own user, other stamps hidden"
		}
		if user != 0 {
			said["users"] = "own user " + strconv.Itoa(user)
		}
	}
	if m.firewall {
		said["network"] = "nftables by user"
		if !m.confines {
			said["network"] += ", loopback open"
		}
		if !m.scopes {
			said["network"] += ", abstract sockets open"
		}
	}
	if m.groups != cgroup.None {
		said["cpu"] = "cgroup v" + strconv.Itoa(int(m.groups))
		said["memory"] = said["cpu"]
	}
	return said
}

// walls is how the firewall keeps stamps apart.
func (d *Driver) walls() change.Walls {
	return change.Walls{None: !d.means.firewall, Confine: d.means.confines, Ports: d.cfg.LoopbackPorts}
}

// settings are the means of one stamp, as its supervisor is told.
func (d *Driver) settings(a host.Allocation) control.Settings {
	s := control.Settings{User: a.User, Groups: cgroup.Of(d.means.groups, d.instance, a.Tenant)}
	if a.User != 0 && d.means.views {
		s.Mask, s.Artifacts, s.Tmp = mask(d.cfg.DataDir), d.artifactDir(), "/tmp"
		if s.Mask == s.Tmp {
			s.Tmp = "/tmp/own"
		}
	}
	return s
}

// mask is the directory that stamps see empty: the data directory, or the
// first above it through which another user could not pass (such as /root).
// Below /tmp it is /tmp, which stamps see otherwise anyway.
func mask(dataDir string) string {
	if strings.HasPrefix(dataDir, "/tmp/") {
		return "/tmp"
	}
	found := dataDir
	for at := dataDir; at != "/"; at = filepath.Dir(at) {
		if info, err := os.Stat(at); err == nil && info.Mode()&0o001 == 0 {
			found = at
		}
	}
	return found
}

// passable is true when every user can pass through the directory to what is
// below it.
func passable(dir string) bool {
	for at := dir; ; at = filepath.Dir(at) {
		if info, err := os.Stat(at); err != nil || info.Mode()&0o001 == 0 {
			return false
		}
		if at == "/" {
			return true
		}
	}
}
