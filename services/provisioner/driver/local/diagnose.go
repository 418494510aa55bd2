package local

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"stampworks.dev/pkg/errs"
	"stampworks.dev/services/provisioner/driver"
	"stampworks.dev/services/provisioner/driver/local/control"
	"stampworks.dev/services/provisioner/driver/local/process"
	"stampworks.dev/services/provisioner/driver/local/trampoline"
)

var _ driver.Diagnoser = (*Driver)(nil)

// Diagnose looks for a full disk, and for a process that is not the component's
// and listens where it is to.
func (d *Driver) Diagnose(ctx context.Context, ref driver.Ref, component string) error {
	s, r, has, err := d.record(ref)
	if err != nil || !has {
		return nil
	}
	if err := noRoom(string(s)); err != nil {
		return errs.New(errs.ResourceExhausted, "DISK_FULL", "run component %q: the disk that has %s is full: %w", component, s, err)
	}
	own := map[int]bool{}
	state, err := control.ReadState(s.Component(component))
	if err != nil {
		return nil
	}
	for _, replica := range state.Replicas {
		pids, _ := process.WithEnv(trampoline.NonceVariable + "=" + replica.Nonce)
		for _, pid := range pids {
			own[pid] = true
		}
	}
	for _, at := range listensAt(r.Wish.Site, component) {
		if l, taken := d.holder(ctx, at, own); taken {
			return errs.New(errs.Conflict, "PORT_TAKEN", "run component %q: %s is taken: %s", component, at, l)
		}
	}
	return nil
}

// listensAt is where a component is to listen when it is open to customers.
func listensAt(site driver.Site, component string) []netip.AddrPort {
	var all []netip.AddrPort
	for _, name := range slices.Sorted(maps.Keys(site.Binds)) {
		b := site.Binds[name]
		if ip, err := netip.ParseAddr(b.Listen); err == nil && strings.HasPrefix(name, component+".") {
			all = append(all, netip.AddrPortFrom(ip.Unmap(), uint16(b.Port)))
		}
	}
	return all
}

// holder says who listens there, if it is none of the component's own.
func (d *Driver) holder(ctx context.Context, at netip.AddrPort, own map[int]bool) (string, bool) {
	all, err := process.Listening(at)
	if err != nil {
		d.log.WarnContext(ctx, "listeners not read", "cell", d.cfg.Cell, "error", err)
	}
	for _, l := range all {
		switch {
		case own[l.PID]:
		case l.PID == 0:
			return fmt.Sprintf("a process of user %d listens on %s", l.User, l.At), true
		default:
			return fmt.Sprintf("process %d (%s) of user %d listens on %s", l.PID, l.Name, l.User, l.At), true
		}
	}
	return "", false
}

// noRoom is the system's error when the file system of a directory has no room
// for anything, and nil otherwise.
func noRoom(dir string) error {
	const least = 64 << 10
	var fs syscall.Statfs_t
	if syscall.Statfs(dir, &fs) != nil {
		return nil
	}
	if fs.Bavail*uint64(fs.Bsize) < least || fs.Files > 0 && fs.Ffree == 0 {
		return syscall.ENOSPC
	}
	return nil
}
